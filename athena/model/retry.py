"""How long a failed task waits before its next attempt."""

from __future__ import annotations

from datetime import timedelta

from athena.model import limits


def delay_after(failures: int) -> timedelta:
    """30 s after the first failure, doubled each time, at most an hour.

    Source: specification, section 3.
    """
    doublings = min(max(failures - 1, 0), 16)  # 2**16 half minutes is far beyond the hour
    return min(limits.RETRY_DELAY_FIRST * (1 << doublings), limits.RETRY_DELAY_MAX)
