"""The two clocks: the wall's for display and schedules, a steady one for leases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Both are injected; a step of the wall clock neither frees a lease nor keeps one."""

    def now(self) -> datetime:
        """The wall clock, aware UTC, in whole milliseconds as the store keeps them."""

    def steady(self) -> timedelta:
        """A clock that only runs forward, from an arbitrary start."""
