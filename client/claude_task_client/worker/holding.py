"""Keeping hold of the tasks in hand, and hearing at once when one is lost or people speak.

Heartbeats name every task with its attempt, those included whose ending waits to be delivered. The
event stream brings the same news sooner; everything also works without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from claude_task_client import AsyncAthena
from claude_task_client.errors import Denied, NotFound, Refused
from claude_task_client.wire import Event, Heartbeat, Task
from claude_task_client.worker.between import was_elsewhere
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.line import Line

# Refusals which mean that this instance has no hold on the task (any more).
LOST: Final = frozenset({"not_holder", "task_cancelled", "task_not_found", "invalid_transition"})

# An instance is shown as online for three minutes after it was seen.
BEAT_SECONDS_MAX: Final = 60.0
# A stream that may not be read now, such as for want of a scope, may be allowed later.
STREAM_DENIED_SECONDS: Final = 600.0

# Of all instances: what was parked here is nobody's, and may be taken by anybody.
_TAKEN: Final = ("task.cancelled", "task.deleted", "task.claimed")
_NEWS: Final = (*_TAKEN, "message.sent")

log = logging.getLogger(__name__)


class InHand(Protocol):
    """A task that this worker has to do with."""

    @property
    def task_id(self) -> int:
        """Its number."""

    @property
    def attempt(self) -> int:
        """The attempt that is believed to be held."""

    @property
    def is_running(self) -> bool:
        """Whether it is being worked on: else its ending waits to be delivered."""

    def abandon(self, why: str) -> None:
        """It is lost: all that is done for it ends."""

    def move_to(self, task: Task) -> None:
        """It was claimed anew, by this very instance."""

    async def look(self) -> None:
        """See what people have said."""


class Holding:
    """Heartbeats and events of one worker.

    - `on_taken`: something has happened to a task, by its number, that may wait here to go on
    - `on_missed`: events may have been missed
    """

    def __init__(
        self,
        athena: AsyncAthena,
        line: Line,
        *,
        in_hand: Callable[[], Collection[InHand]],
        introduction: Callable[[], Mapping[str, Any]],
        on_taken: Callable[[int], None],
        on_missed: Callable[[], None],
        lease_seconds: float,
    ) -> None:
        self._athena = athena
        self._on_taken = on_taken
        self._on_missed = on_missed
        self._line = line
        self._in_hand = in_hand
        self._introduction = introduction
        self._lease_seconds = lease_seconds
        self._interval_seconds = min(lease_seconds / 3, BEAT_SECONDS_MAX)
        self._due = Changes()
        self._is_due = False
        self._one_at_a_time = asyncio.Lock()
        self._last_event: int | None = None
        self._stream: asyncio.Task[None] | None = None

    async def beat_for_ever(self) -> None:
        """Send heartbeats, one at once and then in time; sooner after `beat_soon`."""
        while True:
            self._is_due = False
            try:
                await self.beat()
            except Refused as error:
                self._line.note_trouble(error)
            await asyncio.gather(*(each.look() for each in self._in_hand() if each.is_running))
            if not self._is_due:
                await self._due.within(self._interval_seconds)

    def beat_soon(self) -> None:
        """There is something to tell, or to find out."""
        self._is_due = True
        self._due.tell()
        self._line.ask_again()

    async def beat(self) -> None:
        """Send one heartbeat, and act on what it brings. Raises: Refused."""
        async with self._one_at_a_time:
            named: dict[int, int] = {}

            async def send() -> Heartbeat:
                named.clear()
                named.update({each.task_id: each.attempt for each in self._in_hand()})
                return await self._athena.heartbeat(
                    [*named], attempts=named, **self._introduction()
                )

            answer = await self._line.insist(send)
            for loss in answer.lost:
                await self._lost(loss.id, named.get(loss.id), loss.code)

    async def holds(self, task_id: int, attempt: int) -> bool:
        """Whether the task is still held in this very attempt. Raises: Refused."""
        answer = await self._line.insist(
            lambda: self._athena.heartbeat([task_id], attempts={task_id: attempt})
        )
        return task_id in answer.held

    async def recall(self, task_id: int, attempt: int) -> Task | str:
        """A task that this instance held before it was killed; see `regain`. Raises: Refused."""
        if await self.holds(task_id, attempt):
            return await self._line.insist(lambda: self._claim(task_id))
        return await self.regain(task_id, attempt)

    async def regain(self, task_id: int, attempt: int) -> Task | str:
        """Take a task again whose lease has run out, where nobody has claimed it since.

        The task, under a new attempt; or why it is lost. Under the old attempt: it has ended or
        cannot be claimed now, yet what is finished will be taken. A claim of this very instance
        that it never heard of is none of another's.
        """
        try:
            task = await self._line.insist(lambda: self._athena.get(task_id))
        except NotFound:
            return "It was deleted."
        except Refused as error:
            return f"What became of it cannot be seen: {error}"
        if await was_elsewhere(
            self._athena, self._line, task_id, after=attempt, until=task.attempt
        ):
            return f"{task.claimed_by or 'Another'} has claimed it since."
        if task.status in {"cancelled", "completed"}:
            return f"It is {task.status}."
        if task.status != "pending":
            return task
        try:
            return await self._line.insist(lambda: self._claim(task_id))
        except Refused as error:
            if error.code in {"already_claimed", "invalid_transition", "task_cancelled"}:
                return str(error)
            log.info("Task #%s cannot be claimed again now: %s", task_id, error)
            return task

    async def _claim(self, task_id: int) -> Task:
        """Claim it; what is held already is renewed by that."""
        return await self._athena.claim(task_id, lease_seconds=self._lease_seconds)

    async def _lost(self, task_id: int, attempt: int | None, code: str) -> None:
        if attempt is None or (held := self._running(task_id, attempt)) is None:
            return  # it has ended meanwhile, or what comes of its ending is the outbox's to hear
        if code in {"task_cancelled", "task_not_found"}:
            held.abandon("It was cancelled." if code == "task_cancelled" else "It was deleted.")
            return
        task = await self.regain(task_id, attempt)
        if self._running(task_id, attempt) is not held:
            return
        if isinstance(task, str):
            held.abandon(task)
        elif task.attempt != attempt:
            held.move_to(task)

    def _running(self, task_id: int, attempt: int | None = None) -> InHand | None:
        """What is worked on of that task, in whichever attempt where none is named."""
        for each in self._in_hand():
            if each.task_id == task_id and each.is_running and attempt in {None, each.attempt}:
                return each
        return None

    async def follow_for_ever(self) -> None:
        """Act on events as they come."""
        while True:
            self._stream = stream = asyncio.create_task(self._follow())
            try:
                await asyncio.wait({stream})
            finally:
                stream.cancel()
            self._on_missed()
            error = None if stream.cancelled() else stream.exception()
            if isinstance(error, Denied):
                log.warning("No event stream (%s): cancelling is noticed by heartbeats.", error)
                await asyncio.sleep(STREAM_DENIED_SECONDS)
            elif error is not None:
                log.info("The event stream ended: %s", error)
                await asyncio.sleep(BEAT_SECONDS_MAX)

    def follow_anew(self) -> None:
        """The connection of the stream may be dead: make it again, behind the last event."""
        if self._stream is not None:
            self._stream.cancel()

    async def _follow(self) -> None:
        events = self._athena.events(
            after=self._last_event, kind=",".join(_NEWS), on_lost=lambda _: self._on_missed()
        )
        async with contextlib.aclosing(events):
            async for event in events:
                self._last_event = event.id or self._last_event
                await self._hear(event)

    async def _hear(self, event: Event) -> None:
        if event.type == "reset":
            self.beat_soon()
            self._on_missed()
        elif event.task_id is not None and not self._is_own_claim(event):
            held = self._running(event.task_id)
            if held is not None:
                await self._hear_of(held, event)
            elif event.type in _TAKEN:
                self._on_taken(event.task_id)

    async def _hear_of(self, held: InHand, event: Event) -> None:
        if event.type == "message.sent":
            await held.look()
        elif event.type == "task.cancelled" and event.data.get("attempt") == held.attempt:
            held.abandon("It was cancelled.")
        else:
            # It may be of long ago, from before the task came here: a heartbeat tells.
            self.beat_soon()

    def _is_own_claim(self, event: Event) -> bool:
        return event.type == "task.claimed" and event.data.get("instance") == self._athena.instance
