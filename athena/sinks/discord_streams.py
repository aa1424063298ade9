"""What the delivery to Discord is made of: streams of events, turns, and gates that close."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from athena.model.event import Event

_WAIT_SECONDS: Final = 1.0
_WAIT_SECONDS_MAX: Final = 60.0
# What somebody waits for goes before what merely shows how things stand.
_WAITED_FOR: Final = frozenset(
    {
        "task.completed",
        "task.failed",
        "task.blocked",
        "question.asked",
        "question.answered",
        "question.withdrawn",
        "instance.sick",
    }
)


class Turns:
    """So many at once; of those that wait, the most urgent first, then the one that came first."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._came = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def take(self, rank: int) -> AsyncIterator[None]:
        """Wait for a turn; a lower rank comes first."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(rank)
        try:
            yield
        finally:
            self._give_back()

    async def _wait(self, rank: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came += 1
        heapq.heappush(self._waiting, (rank, self._came, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            raise

    def _give_back(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Gate:
    """Closed for a while, longer each time, after something could not be done for anybody."""

    def __init__(self) -> None:
        self._failures = 0
        self._opens_at = 0.0
        self._nudged = asyncio.Event()

    def close(self, seconds: float | None = None) -> None:
        """Let nobody pass for a while; those who fail together count as one failure."""
        now = asyncio.get_running_loop().time()
        if now < self._opens_at:
            return
        wait = min(_WAIT_SECONDS * 2**self._failures, _WAIT_SECONDS_MAX)
        self._failures = min(self._failures + 1, 10)
        self._opens_at = now + max(seconds or 0.0, wait * random.uniform(0.8, 1.2))  # noqa: S311
        self._nudged.clear()

    @property
    def is_closed(self) -> bool:
        """Whether one has to wait."""
        return asyncio.get_running_loop().time() < self._opens_at

    def open(self) -> None:
        """It works again, or may."""
        self._failures, self._opens_at = 0, 0.0
        self._nudged.set()

    async def passed(self) -> None:
        """Wait until it is open."""
        loop = asyncio.get_running_loop()
        while (remaining := self._opens_at - loop.time()) > 0:
            try:
                async with asyncio.timeout(remaining):
                    await self._nudged.wait()
            except TimeoutError:
                continue


@dataclass(slots=True)
class Stream:
    """The events of one task that wait, and those that are being told.

    `held_at`: the guild where nothing can be posted now.
    """

    task_id: int
    waiting: list[Event] = field(default_factory=list)
    in_hand: list[Event] = field(default_factory=list)
    held_at: int | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: Event) -> None:
        """Queue an event; a step of progress takes the place of the one before it."""
        last = self.waiting[-1] if self.waiting else None
        if last is not None and last.type == event.type == "task.progressed":
            event = event._replace(data=_merged(last.data, event.data))
            self.waiting[-1] = event
        else:
            self.waiting.append(event)
        self.news.set()
        if event.type != "task.progressed":
            self.urgent.set()

    def take(self) -> list[Event]:
        """What is to be told now; it counts as waiting until `done`."""
        self.in_hand, self.waiting = self.waiting, []
        self.urgent.clear()
        return self.in_hand

    def done(self) -> None:
        """What was taken has been told."""
        self.in_hand = []

    @property
    def rank(self) -> int:
        """How soon it should have its turn, from 0."""
        events = self.in_hand or self.waiting
        if any(event.type in _WAITED_FOR for event in events):
            return 0
        first = events[0] if events else None
        by_a_person = first is not None and first.data.get("created_via") == "discord"
        return 0 if by_a_person else 1

    @property
    def first(self) -> int | None:
        """The oldest event that is not done with."""
        events = self.in_hand or self.waiting
        return events[0].id if events else None


def _merged(before: Mapping[str, object], after: Mapping[str, object]) -> Mapping[str, object]:
    if before.get("instance") != after.get("instance"):
        return after
    return {**before, **after}
