"""The last lines of what a few running tasks write, as they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from typing import Final

from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError
from claude_task_client.view.drawing import shown
from claude_task_client.wire import LogLine

# Each takes one of the 32 streams that Athena gives a key, and others may watch with the same key.
FOLLOWED_MAX: Final = 4
LINES_MAX: Final = 8
# One that cannot be followed now (no stream is free) is tried again so much later.
AGAIN_SECONDS: Final = 15.0


class Tails:
    """Follows the transcripts of the tasks that it is told of, and of no others."""

    def __init__(self, athena: AsyncAthena, on_change: Callable[[], None]) -> None:
        self._athena = athena
        self._on_change = on_change
        self._following: dict[int, asyncio.Task[None]] = {}
        self._lines: dict[int, deque[str]] = {}

    def of(self, task_id: int, count: int) -> Sequence[str]:
        """The last lines of a task, at most so many."""
        lines = self._lines.get(task_id, ())
        return [*lines][-count:] if count > 0 else []

    def follow(self, task_ids: Collection[int]) -> None:
        """Follow these from now on, as many as may be."""
        wanted = [*task_ids][:FOLLOWED_MAX]
        for task_id in [each for each in self._following if each not in wanted]:
            self._following.pop(task_id).cancel()
            self._lines.pop(task_id, None)
        for task_id in wanted:
            if task_id not in self._following:
                self._following[task_id] = asyncio.create_task(self._follow(task_id))

    async def stop(self) -> None:
        """Follow nothing any more."""
        ending = [*self._following.values()]
        self.follow([])
        await asyncio.gather(*ending, return_exceptions=True)

    async def _follow(self, task_id: int) -> None:
        while True:
            try:
                await self._read(task_id)
                return
            except AthenaError:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, task_id: int) -> None:
        lines = self._lines.setdefault(task_id, deque(maxlen=LINES_MAX))
        page = await self._athena.log(task_id, tail=LINES_MAX)
        lines.clear()
        lines.extend(map(_told, page.lines))
        self._on_change()
        after = page.lines[-1].id if page.lines else page.next_after or 0
        async with aclosing(self._athena.follow_log(task_id, after=after)) as coming:
            async for line in coming:
                lines.append(_told(line))
                self._on_change()


def _told(line: LogLine) -> str:
    return shown(line.text)
