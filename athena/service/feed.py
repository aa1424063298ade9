"""The event log as something to follow: read from a position, and wait for more."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Final

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
    """Tells followers of new events, and gives them from any position."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._position = EventId(0)
        self._recent: deque[Event] = deque(maxlen=_KEPT_IN_MEMORY)
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
        position = await self._store.read(events.last_id)
        if position > self._position:
            self._recent.clear()
            self._position = position
            self._wake_everybody()

    async def notice_foreign_writes(self) -> None:
        """Take in what another process has written, if anything."""
        await self._store.check_for_foreign_writes()
        await self.catch_up()

    def close(self) -> None:
        """Let every follower go."""
        self._stopping = True
        self._wake_everybody()

    def _on_commit(self, committed: Committed) -> None:
        if not committed.events:
            return
        first, last = committed.events[0].id, committed.events[-1].id
        if first != self._position + 1:
            # Another process wrote in between, unnoticed so far: what is kept must have no gap.
            self._recent.clear()
        if last > self._position:
            self._recent.extend(committed.events)
            self._position = last
        self._news.set()
        self._news = asyncio.Event()
        for event in committed.events if self._watches else ():
            for watch in self._watches.get(TaskId(event.task_id or 0), ()):
                watch.notify()

    def _wake_everybody(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
        for watches in self._watches.values():
            for watch in watches:
                watch.stop() if self._stopping else watch.notify()

    async def read(self, after: int, *, limit: int) -> list[Event]:
        """The events after a position, in order."""
        if self._recent and after >= self._recent[0].id - 1:
            # A position from anywhere may lie far beyond the newest event.
            skipped = min(max(0, after - self._recent[0].id + 1), len(self._recent))
            return list(islice(self._recent, skipped, skipped + limit))
        return await self._store.read(lambda reading: events.after(reading, after, limit=limit))

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
