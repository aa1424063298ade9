"""The kinds of values in requests: what counts as an integer, a time, a slug, a list in a query.

Pydantic's lax mode takes `false` for 0 and its strict mode refuses 6.0, which JSON Schema calls an
integer; so numbers are checked here. In each type `Field` stands before the validator: nested the
other way round, its bounds are lost from the schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
)

from athena.model import limits
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Priority

INTEGER_MAX: Final = 2**63 - 1
_DIGITS: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_SPACE_FOR_PLUS: Final = re.compile(r"(?<=:\d\d) (\d\d:?\d\d)$", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Body(BaseModel):
    """What a request's body may hold: these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Query(BaseModel):
    """What a request's query may hold: these parameters and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoFields(Body):
    """A body without any field; it may be left out."""


def _integer(value: object) -> object:
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("must be an integer")


def _number(value: object) -> object:
    if type(value) in {int, float}:
        return value
    raise ValueError("must be a number")


def _time(value: object) -> object:
    """ISO 8601 with a time zone; the offset must not lead out of the years 1 to 9999."""
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("must be a time such as 2026-11-21T20:00:00Z")
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("must be a time such as 2026-11-21T20:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError("must have a time zone, such as Z")
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None
    # The store keeps whole milliseconds.
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _query_integer(value: object) -> object:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise ValueError("must be an integer")


def _query_number(value: object) -> object:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value)
    raise ValueError("must be a number")


def _query_flag(value: object) -> object:
    if value in {"true", "false"}:
        return value == "true"
    raise ValueError("must be true or false")


def _query_time(value: object) -> object:
    # An offset's plus sign that was not escaped arrives as a space.
    return _time(_SPACE_FOR_PLUS.sub(r"+\1", value) if isinstance(value, str) else value)


def _by_comma(value: object) -> object:
    return value.split(",") if isinstance(value, str) and value else []


def _statuses(value: object) -> object:
    words = _by_comma(value)
    return [status.value for status in Status] if words == ["all"] else words


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse integers that no JSON library but Python's would read back as they are."""
    waiting: list[object] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
        elif type(item) is int and not -(2**63) <= item < 2**64:
            raise ValueError("has an integer of more than 64 bits")
    return value


def _ended(status: Status) -> Status:
    if not status.is_end:
        raise ValueError("must be completed, failed or cancelled")
    return status


def _priority(value: object) -> object:
    return "medium" if value == "normal" else value


def _status(value: object) -> object:
    return "in_progress" if value == "running" else value


_TIME_SCHEMA: Final[Mapping[str, Any]] = {"type": "string", "format": "date-time"}


def _words(words: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": words})


def _list_of(words: list[str]) -> WithJsonSchema:
    items = {"type": "string", "enum": words}
    return WithJsonSchema({"type": "array", "items": items, "minItems": 1, "uniqueItems": True})


_STATUS_WORDS: Final = [*(status.value for status in Status), "running"]

Flag = StrictBool
Time = Annotated[datetime, BeforeValidator(_time), WithJsonSchema(dict(_TIME_SCHEMA))]
# Pydantic's `$` means the very end, as JSON Schema's does; Python's may stand before a newline.
Slug = Annotated[str, Field(pattern=limits.SLUG_PATTERN)]
Id = Annotated[int, Field(ge=1, le=INTEGER_MAX), BeforeValidator(_integer)]
# Any number that is not the current one is refused as out of date, not as malformed.
Attempt = Annotated[int, Field(ge=0), BeforeValidator(_integer)]
Seconds = Annotated[float, BeforeValidator(_number)]
Lease = Annotated[
    float,
    Field(ge=limits.LEASE_MIN.total_seconds(), le=limits.LEASE_MAX.total_seconds()),
    BeforeValidator(_number),
]
Wait = Annotated[float, Field(ge=0, le=limits.WAIT_MAX.total_seconds()), BeforeValidator(_number)]
LineNumber = Annotated[int, Field(ge=0, le=limits.LINE_NUMBER_MAX), BeforeValidator(_integer)]
Percent = Annotated[int, Field(ge=0, le=100), BeforeValidator(_integer)]
MaxAttempts = Annotated[int, Field(ge=1, le=limits.MAX_ATTEMPTS_MAX), BeforeValidator(_integer)]
Slots = Annotated[int, Field(ge=0, le=10_000), BeforeValidator(_integer)]

Label = Annotated[str, Field(max_length=limits.LABEL_CHARACTERS_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=limits.LABEL_CHARACTERS_MAX, pattern=r"\S")]
Description = Annotated[
    str, Field(min_length=1, max_length=limits.DESCRIPTION_CHARACTERS_MAX, pattern=r"\S")
]
Notes = Annotated[str, Field(max_length=limits.NOTES_CHARACTERS_MAX)]
Message = Annotated[str, Field(max_length=limits.MESSAGE_CHARACTERS_MAX)]
QuestionText = Annotated[
    str, Field(min_length=1, max_length=limits.QUESTION_CHARACTERS_MAX, pattern=r"\S")
]
QuestionKey = Annotated[
    str, Field(min_length=1, max_length=limits.QUESTION_KEY_CHARACTERS_MAX, pattern=r"\S")
]
Choice = Annotated[str, Field(min_length=1, max_length=limits.CHOICE_CHARACTERS_MAX, pattern=r"\S")]
Choices = Annotated[list[Choice], Field(min_length=1, max_length=limits.CHOICES_MAX)]
Tool = Annotated[str, Field(min_length=1, max_length=limits.TOOL_CHARACTERS_MAX, pattern=r"\S")]
Answer = Annotated[str, Field(min_length=1, max_length=limits.ANSWER_CHARACTERS_MAX, pattern=r"\S")]
AnswerNote = Annotated[str, Field(max_length=limits.ANSWER_CHARACTERS_MAX)]
PriorityWord = Annotated[
    Priority, BeforeValidator(_priority), _words([*(p.value for p in Priority), "normal"])
]
StatusWord = Annotated[Status, BeforeValidator(_status), _words(_STATUS_WORDS)]
EndedWord = Annotated[
    Status, AfterValidator(_ended), _words(sorted(status.value for status in ENDED))
]
FreeObject = Annotated[dict[str, Any], AfterValidator(_storable)]
Labels = Annotated[list[Slug], Field(max_length=limits.LABELS_MAX)]
Projects = Annotated[list[Slug], Field(max_length=limits.PROJECTS_MAX)]
Ids = Annotated[list[Id], Field(max_length=limits.DEPENDENCIES_MAX)]

QueryId = Annotated[int, Field(ge=1, le=INTEGER_MAX), BeforeValidator(_query_integer)]
QueryPosition = Annotated[int, Field(ge=0, le=INTEGER_MAX), BeforeValidator(_query_integer)]
QueryLimit = Annotated[int, Field(ge=1, le=limits.PAGE_MAX), BeforeValidator(_query_integer)]
QueryWait = Annotated[
    float, Field(ge=0, le=limits.WAIT_MAX.total_seconds()), BeforeValidator(_query_number)
]
QueryFlag = Annotated[bool, BeforeValidator(_query_flag)]
QueryTime = Annotated[datetime, BeforeValidator(_query_time), WithJsonSchema(dict(_TIME_SCHEMA))]
# Lists in a query: one or several values, with commas between them.
QueryStatuses = Annotated[
    list[StatusWord],
    Field(min_length=1, max_length=20),
    BeforeValidator(_statuses),
    _list_of([*_STATUS_WORDS, "all"]),
]
QueryEnded = Annotated[
    list[EndedWord],
    Field(min_length=1, max_length=20),
    BeforeValidator(_by_comma),
    _list_of(sorted(status.value for status in ENDED)),
]
QueryLabels = Annotated[list[Slug], Field(max_length=limits.LABELS_MAX), BeforeValidator(_by_comma)]
QueryProjects = Annotated[
    list[Slug], Field(max_length=limits.PROJECTS_MAX), BeforeValidator(_by_comma)
]
QueryWords = Annotated[
    list[Annotated[str, Field(pattern=r"^[a-z_.]{1,64}$")]],
    Field(min_length=1, max_length=50),
    BeforeValidator(_by_comma),
]
QueryText = Annotated[str, Field(max_length=limits.MESSAGE_CHARACTERS_MAX)]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
