"""Questions and their rows. Whoever changes one has locked its task."""

from __future__ import annotations

from dataclasses import dataclass, replace

from athena.model.errors import QuestionNotFound, Unavailable
from athena.model.page import Page, event_position_of
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionFilter,
    QuestionId,
    QuestionKind,
    QuestionStatus,
)
from athena.model.task import TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store.base import Reading, Row, Transaction, Value
from athena.store.columns import json_column, json_object, strings, time_column, time_value


def from_row(row: Row) -> Question:
    """The question that a row holds."""
    choices, action = row["choices"], row["action"]
    return Question(
        id=QuestionId(row["id"]),
        task_id=TaskId(row["task_id"]),
        attempt=row["attempt"],
        instance=row["instance"],
        kind=QuestionKind(row["kind"]),
        text=row["text"],
        choices=None if choices is None else strings(choices),
        action=None if action is None else _action(json_object(action)),
        key=row["key"],
        status=QuestionStatus(row["status"]),
        asked_at=from_epoch_milliseconds(row["asked_at"]),
        answer=row["answer"],
        note=row["note"],
        answered_by=row["answered_by"],
        answered_via=row["answered_via"],
        answered_at=time_value(row["answered_at"]),
    )


def _action(value: dict[str, object]) -> ProposedAction:
    given = value["input"]
    return ProposedAction(tool=str(value["tool"]), input=given if isinstance(given, dict) else {})


async def insert(tx: Transaction, question: Question) -> Question:
    """Store a new question; gives it with its id."""
    action = question.action
    question_id = await tx.insert(
        "insert_question",
        {
            "task_id": question.task_id,
            "attempt": question.attempt,
            "instance": question.instance,
            "kind": question.kind.value,
            "text": question.text,
            "choices": None if question.choices is None else json_column(question.choices),
            "action": None
            if action is None
            else json_column({"tool": action.tool, "input": action.input}),
            "key": question.key,
            "asked_at": epoch_milliseconds(question.asked_at),
        },
    )
    return replace(question, id=QuestionId(question_id))


async def find(reading: Reading, question_id: QuestionId) -> Question | None:
    """The question, or None."""
    row = await reading.fetch_one("get_question", {"id": question_id})
    return None if row is None else from_row(row)


async def get(reading: Reading, question_id: QuestionId) -> Question:
    """The question.

    Raises: QuestionNotFound.
    """
    question = await find(reading, question_id)
    if question is None:
        raise QuestionNotFound(f"There is no question {question_id}.")
    return question


async def find_by_key(reading: Reading, task_id: TaskId, key: str) -> Question | None:
    """The task's question of that name, unless it was withdrawn, or None."""
    row = await reading.fetch_one("find_question_by_key", {"task_id": task_id, "key": key})
    return None if row is None else from_row(row)


@dataclass(frozen=True, slots=True)
class Count:
    """How many questions a task has."""

    all: int
    open: int


async def count(reading: Reading, task_id: TaskId) -> Count:
    """How many questions the task has."""
    row = await reading.fetch_one("count_questions", {"task_id": task_id})
    return Count(row["questions"], row["open"]) if row is not None else Count(0, 0)


async def save_answer(tx: Transaction, question: Question) -> None:
    """Store the answer to a question that was open."""
    values: dict[str, Value] = {
        "id": question.id,
        "answer": question.answer,
        "note": question.note,
        "answered_by": question.answered_by,
        "answered_via": question.answered_via,
        "answered_at": time_column(question.answered_at),
    }
    if await tx.execute("answer_question", values) != 1:
        raise _has_changed(question)


async def withdraw(tx: Transaction, question: Question) -> Question:
    """Store that an open question is no longer asked; gives it as it is then."""
    if await tx.execute("withdraw_question", {"id": question.id}) != 1:
        raise _has_changed(question)
    return replace(question, status=QuestionStatus.WITHDRAWN)


def _has_changed(question: Question) -> Unavailable:
    return Unavailable(f"Question {question.id} changed at the same moment; try again.")


async def open_of_task(reading: Reading, task_id: TaskId) -> list[Question]:
    """The task's open questions, the oldest first."""
    rows = await reading.fetch_all("open_questions_of_task", {"task_id": task_id})
    return [from_row(row) for row in rows]


async def list_questions(
    reading: Reading, wanted: QuestionFilter, *, limit: int, cursor: str | None
) -> Page[Question]:
    """The page after the cursor, the oldest first.

    Raises: Invalid, for a cursor that is not one of ours.
    """
    status = None if wanted.status is None else wanted.status.value
    values: dict[str, Value] = {
        "after": event_position_of(cursor),
        "status": status,
        "task_id": wanted.task_id,
        "project": wanted.project,
        "limit": limit + 1,
    }
    rows = await reading.fetch_all(_list_of(wanted), values)
    found = tuple(from_row(row) for row in rows[:limit])
    return Page(found, str(found[-1].id) if len(rows) > limit else None)


def _list_of(wanted: QuestionFilter) -> str:
    """The statement whose index serves the filter."""
    if wanted.task_id is not None:
        return "list_questions_of_task"
    if wanted.status is QuestionStatus.OPEN:
        return "list_open_questions"
    return "list_questions"
