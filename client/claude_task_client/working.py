"""Claiming tasks, holding them, and ending them: what an instance does."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from claude_task_client.calls import (
    Calls,
    attempt_of,
    deadline_after,
    id_of,
    is_over,
    path_of,
    poll_seconds,
    told,
)
from claude_task_client.transport import Call, Json
from claude_task_client.wire import Heartbeat, Question, Task, time_text


class Finish(NamedTuple):
    """The end of the task in hand, sent along with the claim of the next one."""

    task: Task
    notes: str | None = None
    result: Json | None = None


class Working(Calls):
    """What an instance asks of Athena."""

    async def claim(self, task_id: int, *, lease_seconds: float | None = None) -> Task:
        """Take exclusive hold of this task, or renew the hold."""
        body = told(instance=self.instance, lease_seconds=lease_seconds)
        # Claiming what one holds succeeds again, so a claim may be repeated.
        return await self._task(Call("POST", path_of(task_id, "claim"), body=body, repeatable=True))

    async def claim_next(
        self,
        *,
        wait: float | None = 0.0,
        labels: Sequence[str] | None = None,
        projects: Sequence[str] | None = None,
        lease_seconds: float | None = None,
        finish: Finish | None = None,
        idempotency_key: str | None = None,
    ) -> Task | None:
        """Take the next task that fits this instance; None if none came in `wait` seconds.

        `wait=None` waits for as long as it takes. `finish` completes the task in hand in the same
        step. With an `idempotency_key` of your own, the very same claim may be asked again later,
        even by another process: it gives the task that it gave then, as it was then.
        """
        deadline = deadline_after(wait)
        ending = None if finish is None else _ending(finish)
        whole = poll_seconds(deadline)
        while True:
            # Under one name the same must be asked, word for word.
            seconds = poll_seconds(deadline) if idempotency_key is None else whole
            body = told(
                instance=self.instance,
                labels=labels,
                projects=projects,
                lease_seconds=lease_seconds,
                wait=seconds or None,
                finish=ending,
            )
            key = idempotency_key or str(uuid.uuid4())
            call = Call("POST", "/api/claim", body=body, idempotency_key=key, wait_seconds=seconds)
            answer = await self._poll(call)
            if answer.body is not None:
                return self._read(Task, answer.body, needs="id")
            ending = ending if idempotency_key else None
            if is_over(deadline):
                return None

    async def progress(
        self,
        task: Task | int,
        *,
        percent: int | None = None,
        message: str | None = None,
        phase: str | None = None,
        notes: str | None = None,
        session_id: str | None = None,
        attempt: int | None = None,
    ) -> Task:
        """Tell how far the task is and in which Claude session, and keep the hold on it."""
        how_far = told(percent=percent, message=message) or None
        body = self._held(
            task, attempt, phase=phase, notes=notes, progress=how_far, session_id=session_id
        )
        return await self._task(Call("PUT", path_of(task, "status"), body=body, repeatable=True))

    async def renew(
        self, task: Task | int, *, attempt: int | None = None, lease_seconds: float | None = None
    ) -> Task:
        """Keep the hold on one task."""
        body = self._held(task, attempt, lease_seconds=lease_seconds)
        return await self._task(
            Call("POST", path_of(task, "heartbeat"), body=body, repeatable=True)
        )

    async def heartbeat(
        self,
        tasks: Iterable[Task | int] = (),
        *,
        attempts: Mapping[int, int] | None = None,
        name: str | None = None,
        host: str | None = None,
        platform: str | None = None,
        version: str | None = None,
        labels: Sequence[str] | None = None,
        projects: Sequence[str] | None = None,
        slots: int | None = None,
        health: Mapping[str, object] | None = None,
    ) -> Heartbeat:
        """Say that this instance is there, what it is, and renew the hold on `tasks`."""
        known = attempts or {}
        named = [
            told(id=id_of(task), attempt=attempt_of(task, known.get(id_of(task)))) for task in tasks
        ]
        body = told(
            instance=self.instance,
            name=name,
            host=host,
            platform=platform,
            version=version,
            labels=labels,
            projects=projects,
            slots=slots,
            health=health,
            tasks=named or None,
        )
        call = Call("POST", "/api/instance/heartbeat", body=body, repeatable=True)
        return await self._value(Heartbeat, call, needs="instance")

    async def complete(
        self,
        task: Task | int,
        *,
        notes: str | None = None,
        result: Json | None = None,
        attempt: int | None = None,
    ) -> Task:
        """The task is done. Saying it twice changes nothing."""
        return await self._end(task, "complete", attempt, notes=notes, result=result)

    async def fail(
        self,
        task: Task | int,
        error: str,
        *,
        retry: bool | None = None,
        result: Json | None = None,
        attempt: int | None = None,
    ) -> Task:
        """The attempt failed. Athena tries again later while attempts are left, save where `retry`
        is False.
        """
        return await self._end(task, "fail", attempt, error=error, retry=retry, result=result)

    async def release(
        self, task: Task | int, *, notes: str | None = None, attempt: int | None = None
    ) -> Task:
        """Give the task back without a failure."""
        return await self._end(task, "release", attempt, notes=notes)

    async def park(
        self,
        task: Task | int,
        *,
        until: datetime | str | None = None,
        question: Question | int | None = None,
        session_id: str | None = None,
        notes: str | None = None,
        attempt: int | None = None,
    ) -> Task:
        """Give the task back to wait: until a time, or until a question of it is answered.

        This instance gets it back first, to go on with the Claude session.
        """
        waits_for = {
            "until": None if until is None else time_text(until),
            "question": question.id if isinstance(question, Question) else question,
        }
        return await self._end(
            task, "park", attempt, **waits_for, session_id=session_id, notes=notes
        )

    async def _end(
        self, task: Task | int, action: str, attempt: int | None, **fields: object
    ) -> Task:
        body = self._held(task, attempt, **fields)
        # The attempt fences a repetition: it can never touch a newer claim.
        call = Call("POST", path_of(task, action), body=body, repeatable="attempt" in body)
        return await self._task(call)


def _ending(finish: Finish) -> dict[str, object]:
    task = finish.task
    return told(id=task.id, attempt=task.attempt, notes=finish.notes, result=finish.result)
