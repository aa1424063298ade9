"""A clock that goes only when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


class ManualClock:
    """Both clocks stand still; they go together, or each by itself."""

    def __init__(self) -> None:
        self._now = START
        self._steady = timedelta(hours=5)

    def now(self) -> datetime:
        """The wall clock."""
        return self._now

    def steady(self) -> timedelta:
        """The steady clock."""
        return self._steady

    def advance(self, span: timedelta) -> None:
        """Time goes by."""
        self._now += span
        self._steady += span

    def step_wall(self, span: timedelta) -> None:
        """Somebody sets the wall clock; no time goes by."""
        self._now += span

    def run_steady(self, span: timedelta) -> None:
        """Time goes by, and somebody sets the wall clock back by as much."""
        self._steady += span

    def restart(self) -> None:
        """The machine starts anew: its steady clock counts from anywhere."""
        self._steady = timedelta(seconds=3)
