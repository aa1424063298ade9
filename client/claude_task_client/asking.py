"""Submitting tasks, changing them, and looking at what became of them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from claude_task_client import following, streaming
from claude_task_client.calls import (
    Calls,
    deadline_after,
    is_over,
    joined,
    path_of,
    poll_seconds,
    query_of,
    told,
)
from claude_task_client.errors import AthenaError
from claude_task_client.transport import Call
from claude_task_client.wire import (
    Event,
    EventPage,
    Health,
    InstanceList,
    Result,
    Session,
    SessionPage,
    Stats,
    Task,
    TaskPage,
    Why,
    time_text,
)


class Asking(Calls):
    """What a person or a submitter asks of Athena."""

    async def submit(
        self,
        description: str,
        *,
        project: str | None = None,
        target: str | None = None,
        priority: str | None = None,
        lane: str | None = None,
        depends_on: Sequence[int] | None = None,
        not_before: datetime | str | None = None,
        max_attempts: int | None = None,
        metadata: Mapping[str, object] | None = None,
        created_by: str | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Queue a task.

        With an `idempotency_key` of your own, the same submit may be repeated later, even by
        another process, and still makes one task; without one, each call makes its own.
        """
        body = told(
            description=description,
            project=project,
            target=target,
            priority=priority,
            lane=lane,
            depends_on=None if depends_on is None else [*depends_on],
            not_before=None if not_before is None else time_text(not_before),
            max_attempts=max_attempts,
            metadata=metadata,
            created_by=created_by,
        )
        key = idempotency_key or str(uuid.uuid4())
        return await self._task(Call("POST", "/api/tasks", body=body, idempotency_key=key))

    async def change(self, task_id: int, /, **fields: object) -> Task:
        """Change fields of a task that has not ended; None clears one.

        They are `description`, `priority`, `target`, `project`, `not_before`, `depends_on`,
        `max_attempts` and `metadata`.
        """
        body = {
            name: time_text(value) if isinstance(value, datetime) else value
            for name, value in fields.items()
        }
        return await self._task(Call("PATCH", path_of(task_id), body=body, repeatable=True))

    async def cancel(self, task_id: int) -> Task:
        """Stop a task for good, running or not."""
        return await self._task(Call("POST", path_of(task_id, "cancel")))

    async def retry(self, task_id: int) -> Task:
        """Put an ended task back into the queue, with its failures forgotten."""
        return await self._task(Call("POST", path_of(task_id, "retry")))

    async def delete(self, task_id: int) -> None:
        """Remove a task that is not in progress. Its events stay."""
        await self._send(Call("DELETE", path_of(task_id)))

    async def get(self, task_id: int) -> Task:
        """The whole task."""
        return await self._task(Call("GET", path_of(task_id)))

    async def list(
        self,
        *,
        status: str | None = None,
        project: str | None = None,
        target: str | None = None,
        claimed_by: str | None = None,
        created_by: str | None = None,
        priority: str | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TaskPage:
        """A page of tasks: pending ones in claim order, or those that the filters name."""
        query = query_of(
            status=status,
            project=project,
            target=target,
            claimed_by=claimed_by,
            created_by=created_by,
            priority=priority,
            q=q,
            limit=limit,
            cursor=cursor,
        )
        return await self._value(TaskPage, Call("GET", "/api/tasks", query), needs="tasks")

    async def next(
        self, *, labels: Sequence[str] | None = None, projects: Sequence[str] | None = None
    ) -> Task | None:
        """The task that a claim would get now; claims nothing."""
        query = query_of(instance=self.instance, labels=joined(labels), projects=joined(projects))
        return await self._task_if_any(Call("GET", "/api/tasks/next", query))

    async def why(self, task_id: int) -> Why:
        """Why the task is not running."""
        return await self._value(Why, Call("GET", path_of(task_id, "why")), needs="reasons")

    async def history(self, task_id: int, *, cursor: str | None = None) -> EventPage:
        """What happened to the task, oldest first."""
        call = Call("GET", path_of(task_id, "events"), query_of(cursor=cursor))
        return await self._value(EventPage, call, needs="events")

    async def result(
        self, task_id: int, *, wait: bool = False, timeout: float | None = 60.0
    ) -> Result | None:
        """What came of the task; None while it has not ended.

        With `wait`, waits for its end, `timeout` seconds at most (None: for as long as it takes).
        """
        deadline = deadline_after(timeout if wait else 0.0)
        while True:
            seconds = poll_seconds(deadline)
            call = Call(
                "GET",
                path_of(task_id, "result"),
                query_of(wait=seconds or None),
                wait_seconds=seconds,
            )
            answer = await self._poll(call)
            if answer.body is not None:
                return self._read(Result, answer.body, needs="success")
            if is_over(deadline):
                return None

    async def stats(self) -> Stats:
        """The queue's figures."""
        return await self._value(Stats, Call("GET", "/api/stats"), needs="by_status")

    async def instances(self) -> InstanceList:
        """Who is there, and what they hold."""
        return await self._value(InstanceList, Call("GET", "/api/instances"), needs="instances")

    async def sessions(
        self, *, project: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> SessionPage:
        """Claude's conversations, the one used last first."""
        query = query_of(project=project, limit=limit, cursor=cursor)
        return await self._value(SessionPage, Call("GET", "/api/sessions", query), needs="sessions")

    async def session(self, session_id: str) -> Session:
        """One conversation: what it cost, and how often it was used."""
        return await self._value(Session, Call("GET", _session_path(session_id)), needs="id")

    async def session_tasks(
        self, session_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> TaskPage:
        """The tasks that were done in a conversation."""
        query = query_of(limit=limit, cursor=cursor)
        call = Call("GET", f"{_session_path(session_id)}/tasks", query)
        return await self._value(TaskPage, call, needs="tasks")

    async def health(self) -> Health:
        """Whether Athena is well. Needs no key."""
        return await self._value(Health, Call("GET", "/health"), needs="status")

    async def events(
        self,
        *,
        after: int | None = None,
        task: int | None = None,
        kind: str | None = None,
        instance: str | None = None,
        actor: str | None = None,
        on_lost: Callable[[AthenaError], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Events as they happen, from now or from behind event `after`, without end.

        `kind` is their type, such as `task.completed`. `on_lost` is told when a connection is lost.

        A lost connection is made again and goes on behind the last event that came.
        """
        query = query_of(task=task, type=kind, instance=instance, actor=actor)
        call = Call("GET", "/api/events", query)
        frames = following.frames(
            self._transport,
            lambda last: following.Start(call, last),
            last=None if after is None else str(after),
            on_lost=on_lost,
        )
        async with contextlib.aclosing(frames):
            async for frame in frames:
                yield streaming.event(frame)

    async def event_page(self, *, after: int = 0, limit: int | None = None) -> EventPage:
        """A page of the log, from behind event `after`."""
        call = Call("GET", "/api/events", query_of(after=after, limit=limit))
        return await self._value(EventPage, call, needs="events")


def _session_path(session_id: str) -> str:
    return f"/api/sessions/{quote(session_id, safe='')}"
