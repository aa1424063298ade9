"""Noticing that this machine has slept: what was held may be lost, and connections dead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from claude_task_client.errors import Refused
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.holding import Holding
from claude_task_client.worker.line import Line

# How often the two clocks are compared; nothing else of an idle worker happens by polling.
TICK_SECONDS: Final = 5.0
# The wall clock running ahead by more is a machine that slept (or whose clock was set).
SLEPT: Final = timedelta(seconds=20)

log = logging.getLogger(__name__)


class Rousing:
    """`is_rousing` while nothing may be claimed, since it is not known what is still held."""

    def __init__(
        self, holding: Holding, line: Line, changes: Changes, *, now: Callable[[], datetime]
    ) -> None:
        self.is_rousing = False
        self._holding = holding
        self._line = line
        self._changes = changes
        self._now = now

    async def watch_for_ever(self) -> None:
        """Compare the clocks. `changes` is told at each tick: a time may have come."""
        loop = asyncio.get_running_loop()
        while True:
            wall, steady = self._now(), loop.time()
            await asyncio.sleep(TICK_SECONDS)
            gone = self._now() - wall - timedelta(seconds=loop.time() - steady)
            if gone > SLEPT:
                log.info("This machine slept for %s.", gone)
                await self.rouse()
            self._changes.tell()

    async def rouse(self) -> None:
        """Before anything else find out what is still held, on new connections."""
        self.is_rousing = True
        self._changes.tell()
        self._holding.follow_anew()
        self._line.ask_again()
        with contextlib.suppress(Refused):
            await self._holding.beat()
        self.is_rousing = False
        self._changes.tell()
