"""Frees tasks whose lease ran out, and makes ready those whose time has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from athena.model import limits
from athena.service.sweeping import Sweeping


@dataclass(frozen=True, slots=True)
class LeaseDuty:
    """A task whose lease has run out is pending again within a second."""

    sweeping: Sweeping
    name: str = "leases"
    every: timedelta = timedelta(milliseconds=250)

    async def run_once(self) -> None:
        """Until nothing is left that is due now."""
        while await self.sweeping.promote_due() >= limits.SWEEP_BATCH:
            pass
        while await self.sweeping.expire_leases() >= limits.SWEEP_BATCH:
            pass
