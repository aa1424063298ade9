"""Whether Athena is well, and what is wrong if it is not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from athena.model.clock import Clock
from athena.service.leadership import Leadership, Role
from athena.store.base import Store

_ASKED_AT_MOST_EVERY: Final = timedelta(seconds=1)
# A disk that hangs is no reason for `/health` to hang.
_PATIENCE_SECONDS: Final = 2.0
ON_THE_LEADER: Final = "on the leader"
_WELL: Final = frozenset({"connected", "disabled", "connecting", ON_THE_LEADER})


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """What `/health` says.

    `discord`: connected, connecting, disabled, on the leader, or `failed: ...`. `replica`: the
    server's name among several on one store, else None.
    """

    status: str
    version: str
    uptime_seconds: float
    database: str
    discord: str
    role: Role
    replica: str | None


class Health:
    """The state of the parts that can fail by themselves."""

    def __init__(self, store: Store, clock: Clock, leadership: Leadership, *, version: str) -> None:
        self._store = store
        self._clock = clock
        self._leadership = leadership
        self._version = version
        self._started = clock.steady()
        self._discord = "disabled"
        self._ready = True
        self._asked: timedelta | None = None

    def set_discord(self, state: str) -> None:
        """Note how the bot is."""
        self._discord = state

    async def is_ready(self) -> bool:
        """Whether the store takes writes; asked of the disk at most once a second."""
        now = self._clock.steady()
        if self._asked is None or now - self._asked >= _ASKED_AT_MOST_EVERY:
            self._asked = now
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    self._ready = await self._store.is_writable()
            except TimeoutError:
                self._ready = False
        return self._ready

    async def report(self) -> HealthReport:
        """How everything is. That Athena answers at all is what makes it alive."""
        ready = await self.is_ready()
        well = ready and self._discord in _WELL
        uptime = self._clock.steady() - self._started
        role = self._leadership.role
        return HealthReport(
            status="ok" if well else "degraded",
            version=self._version,
            uptime_seconds=round(uptime.total_seconds(), 3),
            database="ok" if ready else "unavailable",
            discord=self._discord,
            role=role,
            replica=None if role is Role.SINGLE else self._leadership.replica,
        )
