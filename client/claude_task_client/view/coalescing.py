"""Many requests for the same thing, answered by doing it once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class Coalesced:
    """A job that is done again after whoever asked, in half of the time at most."""

    def __init__(self, job: Callable[[], Awaitable[object]], *, pause_seconds: float) -> None:
        self._job = job
        self._pause_seconds = pause_seconds
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have it done, soon; what is under way does not count."""
        self._asked.set()

    async def run(self) -> None:
        """Do it, whenever somebody has asked, without end."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            began = time.monotonic()
            await self._job()
            await asyncio.sleep(max(self._pause_seconds, time.monotonic() - began))
