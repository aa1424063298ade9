"""The machine's own two clocks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_NANOSECONDS: Final = 1_000_000


class SystemClock:
    """Both clocks in whole milliseconds, as the store keeps them."""

    def now(self) -> datetime:
        """The wall clock."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def steady(self) -> timedelta:
        """The time since the machine's start."""
        return timedelta(milliseconds=time.monotonic_ns() // _NANOSECONDS)
