"""How questions look in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict

from athena.api.wire.times import time_or_none
from athena.model.page import Page
from athena.model.question import ProposedAction, Question, QuestionKind, QuestionStatus


class ActionJson(TypedDict):
    """What would be done: the tool, and exactly what it would be given."""

    tool: str
    input: Mapping[str, Any]


class QuestionJson(TypedDict):
    """A question. What belongs to the answer is null until there is one."""

    id: int
    task_id: int
    attempt: int
    instance: str
    kind: QuestionKind
    text: str
    choices: Sequence[str] | None
    action: ActionJson | None
    status: QuestionStatus
    asked_at: str
    answer: str | None
    note: str | None
    answered_by: str | None
    answered_via: str | None
    answered_at: str | None


def question_json(question: Question) -> QuestionJson:
    """A question."""
    return {
        "id": question.id,
        "task_id": question.task_id,
        "attempt": question.attempt,
        "instance": question.instance,
        "kind": question.kind,
        "text": question.text,
        "choices": question.choices,
        "action": _action(question.action),
        "status": question.status,
        "asked_at": time_or_none(question.asked_at) or "",
        "answer": question.answer,
        "note": question.note,
        "answered_by": question.answered_by,
        "answered_via": question.answered_via,
        "answered_at": time_or_none(question.answered_at),
    }


def _action(action: ProposedAction | None) -> ActionJson | None:
    return None if action is None else {"tool": action.tool, "input": action.input}


class QuestionPage(TypedDict):
    """Some questions, the oldest first; `next_cursor` asks for the following ones."""

    questions: list[QuestionJson]
    next_cursor: str | None


def question_page(page: Page[Question]) -> QuestionPage:
    """A page of questions."""
    return {
        "questions": [question_json(question) for question in page.items],
        "next_cursor": page.next_cursor,
    }
