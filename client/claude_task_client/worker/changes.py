"""Waiting until something holds: whoever changes what counts tells, and all who wait look again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Changes:
    """A word that something has changed, within one event loop."""

    def __init__(self) -> None:
        self._told = asyncio.Event()
        self.count = 0

    def tell(self) -> None:
        """Have all who wait look again."""
        self.count += 1
        told, self._told = self._told, asyncio.Event()
        told.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as `holds()` does, which is asked after each change."""
        while not holds():
            await self._told.wait()

    async def within(self, seconds: float, *, since: int | None = None) -> None:
        """Return at the next change, one after `since` by `count`, or after so many seconds."""
        # Not wait_for: until Python 3.12 it swallows a cancellation that comes with the change.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if since in {None, self.count}:
                    await self._told.wait()
