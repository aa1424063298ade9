"""Discord's ids: 42 bits of milliseconds since 2015, then a counter; they only ever grow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

DISCORD_EPOCH_MS: Final = 1_420_070_400_000


class Snowflakes:
    """Makes ids from a clock (seconds since 1970), each larger than the one before."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0

    def next(self) -> int:
        candidate = (int(self._now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last = max(candidate, self._last + 1)
        return self._last


def at(snowflake: int) -> datetime:
    """When an id was made."""
    return datetime.fromtimestamp(((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000, tz=UTC)


def iso(moment: datetime) -> str:
    """A time as Discord writes it, with microseconds and an offset."""
    return moment.isoformat(timespec="microseconds")
