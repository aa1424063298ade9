"""How times look in JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from athena.model.text import iso


def time_or_none(at: datetime | None) -> str | None:
    """As `iso`, without the detour for times that are in UTC already: a task has up to seven."""
    if at is None:
        return None
    if at.tzinfo is UTC:
        return at.isoformat("T", "milliseconds")[:-6] + "Z"
    return iso(at)
