"""The machine's own two clocks."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

from athena.model.text import from_epoch_milliseconds

_NANOSECONDS: Final = 1_000_000


class SystemClock:
    """Both clocks in whole milliseconds, as the store keeps them."""

    def now(self) -> datetime:
        """The wall clock."""
        return from_epoch_milliseconds(time.time_ns() // _NANOSECONDS)

    def steady(self) -> timedelta:
        """The time since the machine's start."""
        return timedelta(milliseconds=time.monotonic_ns() // _NANOSECONDS)
