"""What an instance asks a person, and what may become of it: answered once, or withdrawn.

Source: specification, sections 3 (park) and 4 (questions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from athena.model.errors import AlreadyAnswered, QuestionWasWithdrawn
from athena.model.task import TaskId

QuestionId = NewType("QuestionId", int)


class QuestionKind(StrEnum):
    """What kind of answer is wanted: any text, one of the choices, or leave to do something."""

    TEXT = "text"
    CHOICE = "choice"
    APPROVAL = "approval"


class QuestionStatus(StrEnum):
    """Whether the question still waits for a person."""

    OPEN = "open"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class Verdict(StrEnum):
    """The answers to an approval; the second one holds for the whole project from then on."""

    ALLOW = "allow"
    ALLOW_PROJECT = "allow_project"
    DENY = "deny"


VERDICTS: Final = frozenset(verdict.value for verdict in Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedAction:
    """What an approval is about: the tool, and exactly what it would be given."""

    tool: str
    input: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a task, asked by whoever held it then, as attempt number `attempt`.

    `choices`: of kind choice only, and only offered: any text may be the answer. `action`: of kind
    approval only. `key`: the asker's own name for it. `note`: what a person adds to a verdict.
    `answered_by`: the person, as a label; `answered_via`: `api` or `discord`.
    """

    id: QuestionId
    task_id: TaskId
    attempt: int
    instance: str
    kind: QuestionKind
    text: str
    choices: tuple[str, ...] | None = None
    action: ProposedAction | None = None
    key: str | None = None
    status: QuestionStatus = QuestionStatus.OPEN
    asked_at: datetime
    answer: str | None = None
    note: str | None = None
    answered_by: str | None = None
    answered_via: str | None = None
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.status is QuestionStatus.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFilter:
    """Which questions are wanted; a field that is None does not restrict."""

    status: QuestionStatus | None = QuestionStatus.OPEN
    task_id: TaskId | None = None
    project: str | None = None


def check_open(question: Question) -> None:
    """Refuse to answer what is answered, or no longer asked.

    Raises: AlreadyAnswered (says by whom), QuestionWasWithdrawn.
    """
    if question.status is QuestionStatus.ANSWERED:
        raise AlreadyAnswered(f"{question.answered_by} has answered question {question.id}.")
    if question.status is QuestionStatus.WITHDRAWN:
        raise QuestionWasWithdrawn(f"Question {question.id} was withdrawn.")


def answered(
    question: Question, *, answer: str, note: str | None, by: str, via: str, now: datetime
) -> Question:
    """The question with its answer.

    Raises: AlreadyAnswered, QuestionWasWithdrawn.
    """
    check_open(question)
    return replace(
        question,
        status=QuestionStatus.ANSWERED,
        answer=answer,
        note=note,
        answered_by=by,
        answered_via=via,
        answered_at=now,
    )
