"""The wall clock of this machine, and times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final

EXAMPLES: Final = "30m, 2h, 1d12h, 09:00, tomorrow 09:00 or 2026-12-24T18:00"

_SPAN: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS: Final = ("weeks", "days", "hours", "minutes", "seconds")


def now() -> datetime:
    """The time, in this machine's zone."""
    return datetime.now(UTC).astimezone()


def local(at: datetime) -> datetime:
    """As this machine's clocks show it; where they do not reach (the year 9999), as it is."""
    try:
        return at.astimezone()
    except (OverflowError, OSError, ValueError):  # which of them depends on the system
        return at


def read_span(text: str) -> timedelta | None:
    """A length of time such as `1h30m`; None where the text is none."""
    match = _SPAN.fullmatch(text.strip().lower().replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    parts = {
        unit: int(number) for unit, number in zip(_UNITS, match.groups(), strict=True) if number
    }
    return timedelta(**parts)


def read_future(text: str, *, at: datetime) -> datetime:
    """A moment that lies ahead: a span from `at` on, a time of day, or ISO 8601.

    Without a zone it is this machine's local time. Raises: ValueError.
    """
    span = read_span(text)
    if span is not None:
        return at + span
    return _time_of_day(text, at) or _iso(text)


def read_past(text: str, *, at: datetime) -> datetime:
    """A moment that lies behind: a span back from `at`, or ISO 8601. Raises: ValueError."""
    span = read_span(text)
    return _iso(text) if span is None else at - span


def _time_of_day(text: str, at: datetime) -> datetime | None:
    day, _, hour = text.strip().lower().rpartition(" ")
    if day not in {"", "today", "tomorrow"}:
        return None
    if hour in {"today", "tomorrow"}:
        day, hour = hour, "00:00"
    if re.fullmatch(r"\d{1,2}:\d\d", hour) is None:
        return None
    date = at.date() + timedelta(days=day == "tomorrow")
    moment = _local(datetime.combine(date, time.fromisoformat(hour.zfill(5))))
    if not day and moment <= at:
        return _local(datetime.combine(date + timedelta(days=1), moment.time()))
    return moment


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip().upper())
    return _local(moment) if moment.tzinfo is None else moment


def _local(naive: datetime) -> datetime:
    """The moment at which this machine's clocks show it."""
    return naive.astimezone()
