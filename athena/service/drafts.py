"""What a person may say about a task, and what is wrong with it if it cannot be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import Final

from athena.model import limits
from athena.model.errors import FieldError, Invalid
from athena.model.task import Priority, TaskId
from athena.model.text import fault_in_text, is_slug
from athena.store.columns import json_column


class Unchanged(Enum):
    """The type of `KEEP`."""

    KEEP = "keep"


KEEP: Final = Unchanged.KEEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A task as its submitter says it.

    `created_via`: `api` or `discord`; `submitter`: who is told the end, as `kind:name`.
    """

    description: str
    priority: Priority = Priority.MEDIUM
    project: str | None = None
    target: str | None = None
    lane: str | None = None
    not_before: datetime | None = None
    depends_on: tuple[TaskId, ...] = ()
    max_attempts: int | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    continues: str | None = None
    created_by: str | None = None
    created_via: str = "api"
    submitter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different about a task; `KEEP` leaves a field as it is."""

    description: str | Unchanged = KEEP
    priority: Priority | Unchanged = KEEP
    target: str | Unchanged | None = KEEP
    project: str | Unchanged | None = KEEP
    not_before: datetime | Unchanged | None = KEEP
    depends_on: tuple[TaskId, ...] | Unchanged = KEEP
    max_attempts: int | Unchanged = KEEP
    metadata: Mapping[str, object] | Unchanged = KEEP

    def wanted(self) -> dict[str, object]:
        """The fields to change, with their new values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not KEEP}


def check_fields(values: Mapping[str, object]) -> None:
    """Refuse what cannot be stored and shown back unchanged.

    Raises: Invalid, with an error for each field that is wrong.
    """
    faults = [
        FieldError(name, fault)
        for name, value in values.items()
        if value is not None and (fault := _fault(name, value)) is not None
    ]
    if faults:
        raise Invalid(errors=faults)


def _fault(name: str, value: object) -> str | None:
    match name, value:
        case "description", str(text):
            return fault_in_prose(text, limits.DESCRIPTION_CHARACTERS_MAX)
        case (("project" | "target" | "lane" | "instance"), str(text)):
            return None if is_slug(text) else "is not a slug: letters, digits, '.', '_', '-'"
        case (("created_by" | "continues"), str(text)):
            return fault_in_text(text, limits.LABEL_CHARACTERS_MAX)
        case "metadata", _:
            return fault_in_object(value, limits.METADATA_BYTES_MAX)
        case "depends_on", Sequence() as ids if len(ids) > limits.DEPENDENCIES_MAX:
            return f"names {len(ids)} tasks; at most {limits.DEPENDENCIES_MAX} are allowed"
        case "max_attempts", int(number) if not 1 <= number <= limits.MAX_ATTEMPTS_MAX:
            return f"must be from 1 to {limits.MAX_ATTEMPTS_MAX}"
        case _:
            return None


def fault_in_prose(text: str, characters_max: int) -> str | None:
    """As `fault_in_text`, for what must not be blank."""
    return fault_in_text(text, characters_max) if text.strip() else "must say something"


def fault_in_object(value: object, bytes_max: int) -> str | None:
    """What keeps a structure from being stored as JSON and shown back unchanged."""
    try:
        text = json_column(value)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        return "is not an object that JSON can express"
    # An escaped backslash before it makes it six ordinary characters.
    if "\\u0000" in text.replace("\\\\", ""):
        return "contains a NUL character"
    if size > bytes_max:
        return f"has {size} bytes; at most {bytes_max} are allowed"
    return None
