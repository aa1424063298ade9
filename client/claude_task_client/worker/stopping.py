"""How a worker comes to an end: told to stop, or done with what it was started for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from claude_task_client.errors import Refused, Unreachable
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.hands import Hands
from claude_task_client.worker.line import Line

# Beyond the grace period: for ending processes, and for telling Athena.
CANCEL_SECONDS: Final = 25.0
TELL_SECONDS: Final = 10.0
# After `--once`, how long a result may wait for Athena before this exits without having told her.
LINGER_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


class Stopping:
    """Whether the worker was told to stop."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self.is_told = False

    def tell(self) -> None:
        """It is time to stop."""
        self.is_told = True
        self._changes.tell()

    async def unless_told(self, act: Coroutine[Any, Any, None]) -> None:
        """Do it, unless it is time to stop first."""
        doing = asyncio.create_task(act)
        stopping = asyncio.create_task(self._changes.until(lambda: self.is_told))
        try:
            await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            stopping.cancel()
        await asyncio.wait({doing})
        if not doing.cancelled():
            doing.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class WindingUp:
    """What comes after the last claim. `settle`: take what an open request may have brought."""

    hands: Hands
    line: Line
    changes: Changes
    stopping: Stopping
    grace_seconds: float
    settle: Callable[[], Awaitable[None]]

    async def run(self) -> bool:
        """Let what runs come to its end; after a stop, for no longer than is allowed.

        False where not all was told, though nobody said to stop: it is kept for the next start.
        """
        hands, stopping = self.hands, self.stopping
        await self.changes.until(lambda: stopping.is_told or not hands.running)
        if not stopping.is_told:
            await self._within(LINGER_SECONDS, lambda: stopping.is_told or not hands.all)
            if hands.all and not stopping.is_told:
                log.error("Not told yet, and kept for the next start: %s", self.line.why_away)
                return False
        if stopping.is_told:
            await self._stop()
        return True

    async def _stop(self) -> None:
        hands = self.hands
        log.info("Stopping: %s task(s) in hand.", len(hands.all))
        for each in hands.running:
            each.stop_waiting()
        await self._within(self.grace_seconds, lambda: not hands.running)
        for each in hands.running:
            each.hand_back()
        await self._within(CANCEL_SECONDS, lambda: not hands.running)
        with contextlib.suppress(Refused, Unreachable, TimeoutError):
            async with asyncio.timeout(TELL_SECONDS):
                await self.settle()
        await self._within(TELL_SECONDS, lambda: not hands.all or self.line.is_away)

    async def _within(self, seconds: float, holds: Callable[[], bool]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changes.until(holds)
