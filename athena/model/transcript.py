"""The transcript of a task: what Claude and the worker said and did, line by line.

The sender numbers the lines of an attempt from 0, so that a batch may be sent twice; the store
numbers all lines of the task, so that they can be followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from athena.model import limits
from athena.model.lifecycle import Status

_CUT: Final = "…"


class LineKind(StrEnum):
    """What a line tells of."""

    TEXT = "text"
    TOOL = "tool"
    RESULT = "result"
    SYSTEM = "system"
    ERROR = "error"
    TEST = "test"
    GIT = "git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line as its sender says it; without a time it is said now."""

    kind: LineKind
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it is kept: `id` counts within the task, `number` within the attempt."""

    id: int
    attempt: int
    number: int
    at: datetime
    kind: LineKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much of a transcript is kept. Ids follow each other, and the oldest lines go first."""

    last_id: int = 0
    lines: int = 0
    text_bytes: int = 0

    @property
    def dropped(self) -> int:
        """How many lines have gone; the id of the last of them."""
        return self.last_id - self.lines


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """Some lines of a task. `status`: None where the task was removed meanwhile."""

    lines: tuple[Line, ...]
    next_after: int
    dropped: int
    status: Status | None

    @property
    def is_end(self) -> bool:
        """Whether nothing is left to tell: no lines are here, and the task has ended."""
        return not self.lines and (self.status is None or self.status.is_end)


def shortened(text: str) -> str:
    """The text as a line holds it: one that is too long loses its end, and shows it."""
    if len(text) <= limits.LINE_CHARACTERS_MAX:
        return text
    return text[: limits.LINE_CHARACTERS_MAX - len(_CUT)] + _CUT


def not_known(lines: Sequence[Said], *, first: int, known: int) -> Sequence[Said]:
    """Those of the lines, numbered from `first`, whose numbers are not below `known`."""
    return lines[max(0, known - first) :]
