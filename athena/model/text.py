"""How times are written, and which texts are taken as they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from athena.model import limits

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SLUG: Final = re.compile(limits.SLUG_PATTERN)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def iso(at: datetime) -> str:
    """The time as ISO 8601 UTC with milliseconds and `Z`."""
    if at.tzinfo is UTC:  # as nearly all are; the detour below costs three times as much
        return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def milliseconds(span: timedelta) -> int:
    """The whole milliseconds of a span, rounded down."""
    return span // _MILLISECOND


def epoch_milliseconds(at: datetime) -> int:
    """The time as the store keeps it."""
    return (at - EPOCH) // _MILLISECOND


def from_epoch_milliseconds(value: int) -> datetime:
    """The time that the store kept, aware, in UTC."""
    return EPOCH + value * _MILLISECOND


def is_slug(text: str) -> bool:
    """Whether the text can name an instance, project, target or lane."""
    return _SLUG.match(text) is not None and not text.endswith("\n")


def fault_in_text(text: str, characters_max: int) -> str | None:
    """What keeps the text from being stored and shown back unchanged; None if nothing does."""
    if len(text) > characters_max:
        return f"has {len(text)} characters; at most {characters_max} are allowed"
    if "\x00" in text:
        return "contains a NUL character"
    if _SURROGATE.search(text):
        return "contains a lone surrogate"
    return None
