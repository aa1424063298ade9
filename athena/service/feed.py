"""The event log as something to follow: read from a position, and wait for more."""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from operator import attrgetter
from typing import Final

from athena.model.errors import Unavailable
from athena.model.event import Event, EventId
from athena.model.task import TaskId
from athena.store import events
from athena.store.base import Committed, Store

# Followers that keep up are served from memory; one that lags reads the store.
_KEPT_IN_MEMORY: Final = 1_000
# How soon a waiting request notices that its client has gone.
_LOOK_UP_SECONDS: Final = 1.0


class Watch:
    """One wait for news of a task, with its deadline."""

    def __init__(self, *, wait: timedelta, is_gone: Callable[[], bool]) -> None:
        self._changed = asyncio.Event()
        self._deadline = asyncio.get_running_loop().time() + wait.total_seconds()
        self._is_gone = is_gone
        self._stopped = False

    def notify(self) -> None:
        """Something happened."""
        self._changed.set()

    def stop(self) -> None:
        """No more waiting."""
        self._stopped = True
        self._changed.set()

    async def changed(self) -> bool:
        """Wait for something to happen since the last call; False: the waiting is over."""
        loop = asyncio.get_running_loop()
        while not self._changed.is_set():
            remaining = self._deadline - loop.time()
            if remaining <= 0 or self._is_gone():
                return False
            # Apart from the event: a look-up that falls together with news must not eat them.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, _LOOK_UP_SECONDS)):
                    await self._changed.wait()
        self._changed.clear()
        return not self._stopped and not self._is_gone()


class Feed:
    """Tells followers of new events, and gives them from any position.

    What this process commits comes with its events. Of what another one commits only the end of
    the log is told; its events are read once, and only where somebody follows.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._position = EventId(0)
        # An unbroken stretch of the log, up to `_filled`, which may be behind the position.
        self._recent: deque[Event] = deque(maxlen=_KEPT_IN_MEMORY)
        self._filled = EventId(0)
        self._filling = asyncio.Lock()
        self._filler: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._watches: dict[TaskId, set[Watch]] = {}
        self._stopping = False
        store.on_commit(self._on_commit)

    @property
    def position(self) -> EventId:
        """The newest committed event."""
        return self._position

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop: followers end."""
        return self._stopping

    async def catch_up(self) -> None:
        """Take in what was committed without us: at the start, and by another process."""
        self._hear_of(await self._store.read(events.last_id))

    async def notice_foreign_writes(self) -> None:
        """Take in what another process has written, if anything."""
        await self._store.check_for_foreign_writes()
        await self.catch_up()
        if self._watches:
            await self._fill()

    def close(self) -> None:
        """Let every follower go."""
        self._stopping = True
        self._tell()
        for watches in self._watches.values():
            for watch in watches:
                watch.stop()

    def _on_commit(self, committed: Committed) -> None:
        if committed.events:
            # Where another process wrote in between, the stretch is filled up from the store.
            if committed.events[0].id == self._filled + 1:
                self._take_in(committed.events)
            else:
                self._notify(committed.events)
            self._hear_of(committed.events[-1].id)
        if committed.elsewhere is not None:
            self._hear_of(committed.elsewhere)

    def _hear_of(self, position: EventId) -> None:
        """The log goes up to here."""
        if position <= self._position:
            return
        self._position = position
        self._tell()
        if self._filled < position and self._watches and self._filler is None:
            self._filler = asyncio.create_task(self._fill_for_watches(), name="feed")

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _take_in(self, new: Sequence[Event]) -> None:
        self._recent.extend(new)
        self._filled = new[-1].id
        self._notify(new)

    def _notify(self, new: Sequence[Event]) -> None:
        for event in new if self._watches else ():
            for watch in self._watches.get(TaskId(event.task_id or 0), ()):
                watch.notify()

    async def _fill_for_watches(self) -> None:
        try:
            # Where the store is away it is tried again with the next look for foreign writes.
            with contextlib.suppress(Unavailable):
                await self._fill()
        finally:
            self._filler = None

    async def _fill(self) -> None:
        """Read what is missing up to the position, once for all who follow."""
        async with self._filling:
            while (target := self._position) > self._filled:
                self._skip_what_is_not_kept()
                found = await self._read(self._filled, limit=_KEPT_IN_MEMORY)
                # Meanwhile a commit of our own may have gone on where we were.
                new = [event for event in found if event.id > self._filled]
                if new:
                    self._take_in(new)
                if len(found) < _KEPT_IN_MEMORY:
                    # Ids that were given to nothing, or to what has been removed since.
                    self._filled = max(self._filled, target)

    def _skip_what_is_not_kept(self) -> None:
        """Go on with what memory can hold: it has nothing after a start, or after a long silence.

        Who waits for a task looks at it anew; who reads the log from before gets it by the page.
        """
        start = self._position - _KEPT_IN_MEMORY
        if self._filled >= start:
            return
        self._recent.clear()
        self._filled = EventId(start)
        for watches in self._watches.values():
            for watch in watches:
                watch.notify()

    async def read(self, after: int, *, limit: int) -> list[Event]:
        """The events after a position, in order."""
        if self._filled < self._position and self._keeps(after):
            await self._fill()
        if self._keeps(after):
            skipped = self._count_up_to(after)
            return list(islice(self._recent, skipped, skipped + limit))
        return await self._read(after, limit=limit)

    async def _read(self, after: int, *, limit: int) -> list[Event]:
        return await self._store.read(lambda reading: events.after(reading, after, limit=limit))

    def _keeps(self, after: int) -> bool:
        """Whether whatever comes after the position is in memory, as far as it was taken in."""
        return after >= (self._recent[0].id - 1 if self._recent else self._filled)

    def _count_up_to(self, position: int) -> int:
        """How many of those in memory are not after the position."""
        recent = self._recent
        if not recent or position >= recent[-1].id:
            return len(recent)
        # As a rule ids follow each other, and finding the place costs nothing.
        count = max(0, position - recent[0].id + 1)
        if count < len(recent) and recent[count].id == recent[0].id + count:
            return count
        return bisect_right(recent, position, key=attrgetter("id"))

    async def first_kept(self) -> EventId:
        """The oldest event that is kept; 0 where there is none."""
        return await self._store.read(events.first_id)

    async def wait(self, after: int, *, timeout: timedelta) -> bool:
        """Wait for an event newer than `after`; False where none came, or the server stops."""
        if self._position <= after and not self._stopping:
            news = self._news
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout.total_seconds()):
                    await news.wait()
        return self._position > after and not self._stopping

    @contextlib.contextmanager
    def watch(
        self, task_id: TaskId, *, wait: timedelta, is_gone: Callable[[], bool]
    ) -> Iterator[Watch]:
        """Be told of a task's events for the length of the block."""
        watch = Watch(wait=wait, is_gone=is_gone)
        if self._stopping:
            watch.stop()
        self._watches.setdefault(task_id, set()).add(watch)
        try:
            yield watch
        finally:
            watches = self._watches[task_id]
            watches.discard(watch)
            if not watches:
                del self._watches[task_id]
