"""Begins and ends what only the leader does, as often as this replica comes to lead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from athena.model.errors import Unavailable
from athena.service.leadership import Leadership, Role

_log: Final = structlog.get_logger(__name__)
_AFTER_A_FAILURE_SECONDS: Final = 1.0

# Starts the parts, and has each stopped with the stack.
Begin = Callable[[AsyncExitStack], Awaitable[None]]


@dataclass(slots=True)
class LeadershipDuty:
    """The lease of the leader is renewed, or taken over where it has lapsed."""

    leadership: Leadership
    name: str = "leadership"
    is_troubled: bool = False

    @property
    def every(self) -> timedelta:
        """More often than leases run out, also while the store is away."""
        return self.leadership.tended_every

    async def run_once(self) -> None:
        """One renewal, or one look at who leads."""
        try:
            await self.leadership.tend()
        except Unavailable as error:
            if not self.is_troubled:
                _log.warning("leadership cannot be renewed", reason=error.detail)
            self.is_troubled = True
        else:
            self.is_troubled = False


class Reign:
    """What the leader does, from each gain of leadership to its loss."""

    def __init__(self, leadership: Leadership, begin: Begin) -> None:
        self._leadership = leadership
        self._begin = begin
        self._running: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()

    async def start(self) -> None:
        """Watch for leadership from here on; where it is ours already, begin before returning."""
        self._running = asyncio.create_task(self._run(), name="reign")
        if self._leadership.is_leader:
            await self._tried.wait()

    async def stop(self) -> None:
        """End what was begun; may be repeated."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            term = await self._leadership.until_gained()
            try:
                await self._lead(term)
            except Unavailable as error:
                _log.warning("leading failed, and begins anew", reason=error.detail)
                await asyncio.sleep(_AFTER_A_FAILURE_SECONDS)
            except Exception as error:  # noqa: BLE001  (whoever leads tries again, whatever it was)
                _log.error("leading failed, and begins anew", exc_info=error)
                await asyncio.sleep(_AFTER_A_FAILURE_SECONDS)
            finally:
                self._tried.set()

    async def _lead(self, term: int) -> None:
        async with AsyncExitStack() as parts:
            log = _log.bind(replica=self._leadership.replica, term=term)
            if self._leadership.role is not Role.SINGLE:
                log.info("leads")
            await self._begin(parts)
            self._tried.set()
            await self._leadership.until_lost(term)
            log.warning("leads no more")
