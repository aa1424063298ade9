"""How many requests a key may make, and how many wrong keys an address may try.

A bucket holds a minute's worth of requests and is filled evenly; it is kept as one number, the
time at which it will be full again (the "generic cell rate algorithm"). The `limits` package was
tried: its memory storage starts a thread for every 10 ms of traffic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

_MINUTE: Final = 60.0
_NAMES_MAX: Final = 10_000


class Throttle:
    """`per_minute` hits a minute for each name; 0 lets everything pass."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._interval = _MINUTE / per_minute if per_minute > 0 else 0.0
        self._now = now
        self._full_at: dict[str | int, float] = {}

    def hit(self, name: str | int) -> int:
        """Count one; 0 if it may pass, else the seconds after which the next may."""
        if not self._interval:
            return 0
        now = self._now()
        full_at = max(self._full_at.get(name, 0.0), now)
        excess = full_at + self._interval - now - _MINUTE
        # Sums of fractions are not exact: a millionth of a second is no excess.
        if excess > 1e-6:
            return max(1, math.ceil(excess))
        if name not in self._full_at and len(self._full_at) >= _NAMES_MAX:
            self._forget(now)
        self._full_at[name] = full_at + self._interval
        return 0

    def _forget(self, now: float) -> None:
        """Make room: those whose bucket is full are as good as new; at worst all start afresh."""
        self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        if len(self._full_at) >= _NAMES_MAX:
            self._full_at.clear()
