"""Keeping the picture right: a look at everything, then only at what events put in question."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Final, NamedTuple

from claude_task_client import clock
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError, NotFound, Refused
from claude_task_client.following import PASSING
from claude_task_client.transport import Call
from claude_task_client.transports import AsyncTransport
from claude_task_client.view.coalescing import Coalesced
from claude_task_client.view.picture import (
    ENDED_MAX,
    EVERYTHING,
    INSTANCES_MAX,
    QUESTIONS_MAX,
    RUNNING_MAX,
    Part,
    Picture,
    in_question,
    slim,
)
from claude_task_client.wire import Event

# A burst of events costs one look, not one each.
LOOK_EVERY_SECONDS: Final = 0.5
# While Athena is away, somebody waits for her to come back.
RETRY_EVERY_SECONDS: Final = 1.0
# Of what no event tells: who was seen when; and once a minute all of it, whatever was told.
INSTANCES_EVERY_SECONDS: Final = 15.0
REVIEW_EVERY_SECONDS: Final = 60.0
# What costs more than it is worth twice a second.
SPARED: Final[Mapping[Part, float]] = {Part.STATS: 5.0, Part.WHY: 1.0, Part.INSTANCES: 1.0}


class Options(NamedTuple):
    """Which events are listed; the rest of the view is the same whatever they are."""

    task: int | None = None
    kind: str | None = None
    instance: str | None = None
    after: int | None = None


class Wire(AsyncTransport):
    """A transport that tells when a stream has begun: what happens from then on, it will tell."""

    def __init__(self, url: str, key: str | None, *, on_begun: Callable[[], None]) -> None:
        super().__init__(url, key, timeout_seconds=10.0, retry_seconds=0.5)
        self._on_begun = on_begun
        self._is_back = asyncio.Event()

    def wake(self) -> None:
        """Somebody has got through to Athena: a stream that is lost need not wait any longer."""
        self._is_back.set()

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """See `AsyncTransport`."""
        async with aclosing(super().stream(call, last_event_id=last_event_id)) as chunks:
            has_begun = False
            async for chunk in chunks:
                if not has_begun:
                    has_begun = True
                    self._on_begun()
                yield chunk

    async def sleep(self, seconds: float) -> None:
        """See `AsyncTransport`."""
        self._is_back.clear()
        try:
            await asyncio.wait_for(self._is_back.wait(), seconds)
        except TimeoutError:
            return


class Looking:
    """Asks Athena so that the picture is right; tells its owner of each change."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        picture: Picture,
        on_change: Callable[[], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self.picture = picture
        self.trouble: str | None = None
        self.is_live = False
        self.looked_at: datetime | None = None
        self.selected: int | None = None
        self._on_change = on_change
        self._on_event = on_event
        self._wire = Wire(url, key, on_begun=self._begun)
        self.athena = AsyncAthena(url, key, transport=self._wire)
        self._wanted: set[Part] = set()
        self._asked_at: dict[Part, float] = {}
        self._is_looking = False
        self._looks = Coalesced(self._look, pause_seconds=LOOK_EVERY_SECONDS)

    async def run(self) -> None:
        """Without end. Raises: Refused, where Athena's no is for good."""
        self.want(*EVERYTHING)  # there is something to show also where a stream is hard to get
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow())
            group.create_task(self._looks.run())
            group.create_task(self._every(INSTANCES_EVERY_SECONDS, frozenset({Part.INSTANCES})))
            group.create_task(self._every(REVIEW_EVERY_SECONDS, EVERYTHING))

    def want(self, *parts: Part) -> None:
        """Have these asked for again."""
        if parts:
            self._wanted.update(parts)
            self._looks.ask()

    async def _follow(self) -> None:
        while True:
            try:
                async with aclosing(self.athena.events(on_lost=self._lost)) as events:
                    async for event in events:
                        self._happened(event)
            except Refused as error:
                if _is_for_good(error):
                    raise
                self._lost(error)
                await self._wire.sleep(RETRY_EVERY_SECONDS)

    def _happened(self, event: Event) -> None:
        if self._is_looking or not self.picture.move_on(event):
            self.want(*in_question(event))
        self._on_event(event)
        self._on_change()

    def _begun(self) -> None:
        """The stream stands. What happened before it did, only a look can tell."""
        self.is_live = True
        self.want(*EVERYTHING)
        self._on_change()

    def _lost(self, error: AthenaError) -> None:
        self.is_live = False
        self.trouble = str(error)
        self.want(*EVERYTHING)
        self._on_change()

    async def _every(self, seconds: float, parts: frozenset[Part]) -> None:
        while True:
            await asyncio.sleep(seconds)
            self.want(*parts)

    async def _look(self) -> None:
        """Ask for what is wanted and due; what fails stays wanted. Raises: Refused."""
        now = time.monotonic()
        due = [part for part in Part if part in self._wanted and self._is_due(part, now)]
        if not due:
            self._later(LOOK_EVERY_SECONDS)
            return
        self._wanted.difference_update(due)
        self._is_looking = True
        try:
            while due:
                with contextlib.suppress(NotFound):  # an older Athena: what she has is shown
                    await self._ask(due[0])
                self._asked_at[due.pop(0)] = now
        except AthenaError as error:
            if _is_for_good(error):
                raise
            self._wanted.update(due)
            self.trouble = str(error)
            self._later(RETRY_EVERY_SECONDS)
        else:
            self._succeeded()
        finally:
            self._is_looking = False
        self._on_change()

    def _succeeded(self) -> None:
        self.looked_at = clock.now()
        if self.is_live:
            self.trouble = None
            if self._wanted:
                self._later(LOOK_EVERY_SECONDS)
            return
        self._wire.wake()
        self._wanted.update(EVERYTHING)
        self._later(RETRY_EVERY_SECONDS)

    def _later(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._looks.ask)

    def _is_due(self, part: Part, now: float) -> bool:
        before = self._asked_at.get(part)
        return before is None or now - before >= SPARED.get(part, 0.0)

    async def _ask(self, part: Part) -> None:
        athena, picture = self.athena, self.picture
        match part:
            case Part.RUNNING:
                page = await athena.list(status="in_progress", limit=RUNNING_MAX)
                picture.running = slim(page.tasks)
                picture.running_goes_on = page.next_cursor is not None
            case Part.PENDING:
                page = await athena.list(
                    status="pending", q=picture.search, limit=picture.pending_wanted
                )
                picture.pending = slim(page.tasks)
                picture.pending_goes_on = page.next_cursor is not None
            case Part.ENDED:
                ended = "completed,failed,cancelled"
                page = await athena.list(status=ended, q=picture.search, limit=ENDED_MAX)
                picture.ended = slim(page.tasks)
            case Part.QUESTIONS:
                asked = await athena.questions(limit=QUESTIONS_MAX)
                picture.questions = asked.questions
                picture.questions_go_on = asked.next_cursor is not None
            case Part.INSTANCES:
                everyone = (await athena.instances()).instances
                there = sorted(everyone, key=lambda each: (not each.online, each.instance))
                picture.instances = tuple(there[:INSTANCES_MAX])
            case Part.STATS:
                picture.stats = await athena.stats()
            case Part.WHY:
                await self._ask_why()

    async def _ask_why(self) -> None:
        """Why the first pending task does not run, and the one that somebody looks at."""
        pending = {task.id for task in self.picture.pending}
        asked_for = [task.id for task in self.picture.pending[:1]]
        if self.selected in pending:
            asked_for.append(self.selected)
        reasons = {}
        for task_id in dict.fromkeys(asked_for):
            try:
                reasons[task_id] = await self.athena.why(task_id)
            except NotFound:
                continue
        self.picture.reasons = reasons


def _is_for_good(error: AthenaError) -> bool:
    """Whether asking again is in vain: it is not where Athena is at fault or has too much to do."""
    return isinstance(error, Refused) and error.status < 500 and error.status not in PASSING
