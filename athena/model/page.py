"""Pages of long lists, and the cursors that lead from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from athena.model.errors import FieldError, Invalid
from athena.model.lifecycle import Status
from athena.model.task import Priority

T = TypeVar("T")

_DIGITS_MAX: Final = 19


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list; `next_cursor` asks for the following ones, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks are wanted; a field that is None does not restrict."""

    statuses: frozenset[Status] = field(default_factory=lambda: frozenset({Status.PENDING}))
    project: str | None = None
    target: str | None = None
    claimed_by: str | None = None
    created_by: str | None = None
    priority: Priority | None = None
    text: str | None = None


def cursor_for(*numbers: int) -> str:
    """A cursor, of `[A-Za-z0-9_-]` only, that stands for a position."""
    return "-".join(str(number) for number in numbers)


def position_of(cursor: str, *, parts: int) -> tuple[int, int, int]:
    """The position that a cursor of a list of tasks stands for; the first number is below `parts`.

    Raises: Invalid.
    """
    numbers = cursor.split("-")
    if len(numbers) != 3 or not all(_is_number(number) for number in numbers):
        raise _not_a_cursor()
    part, key, last_id = (int(number) for number in numbers)
    if part >= parts:
        raise _not_a_cursor()
    return part, key, last_id


def event_position_of(cursor: str | None) -> int:
    """The position, an id, that a cursor of a task's events or of questions stands for.

    None is the beginning.

    Raises: Invalid.
    """
    if cursor is None:
        return 0
    if not _is_number(cursor):
        raise _not_a_cursor()
    return int(cursor)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX


def _not_a_cursor() -> Invalid:
    return Invalid(errors=[FieldError("cursor", "is not a cursor of this list")])
