"""How values stand in columns: times as epoch milliseconds, structures as JSON text."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from athena.model.text import epoch_milliseconds, from_epoch_milliseconds, milliseconds


def time_column(at: datetime | None) -> int | None:
    """A time, as UTC epoch milliseconds."""
    return None if at is None else epoch_milliseconds(at)


def time_value(column: int | None) -> datetime | None:
    """The time that stands in a column."""
    return None if column is None else from_epoch_milliseconds(column)


def span_column(span: timedelta | None) -> int | None:
    """A span, in milliseconds."""
    return None if span is None else milliseconds(span)


def span_value(column: int | None) -> timedelta | None:
    """The span that stands in a column."""
    return None if column is None else timedelta(milliseconds=column)


def json_column(value: object) -> str:
    """A structure as compact JSON; numbers that JSON lacks are refused by the edges."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_value(column: str) -> object:
    """The structure that stands in a column."""
    value: object = json.loads(column)
    return value


def json_object(column: str) -> dict[str, object]:
    """The JSON object that stands in a column."""
    if column == "{}":
        return {}
    value = json_value(column)
    return value if isinstance(value, dict) else {}


def strings(column: str) -> tuple[str, ...]:
    """The list of texts that stands in a column."""
    if column == "[]":
        return ()
    value = json_value(column)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
