"""Questions and their rows: kept as asked, ended once, and never what must not be stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from athena.model.errors import AthenaError, Unavailable
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionId,
    QuestionKind,
    QuestionStatus,
    answered,
)
from athena.model.task import TaskId
from athena.store import questions
from athena.store.base import Store
from tests.store.clock import START
from tests.store.samples import insert


def a_question(**said: Any) -> Question:
    """A question about the first task."""
    facts: dict[str, Any] = {
        "id": QuestionId(0),
        "task_id": TaskId(1),
        "attempt": 1,
        "instance": "pi",
        "kind": QuestionKind.TEXT,
        "text": "Which database?",
        "asked_at": START,
    }
    return Question(**{**facts, **said})


async def stored(store: Store, **said: Any) -> Question:
    return await store.run(lambda tx: questions.insert(tx, a_question(**said)))


async def read(store: Store, question: Question) -> Question:
    return await store.read(lambda reading: questions.get(reading, question.id))


def with_answer(question: Question) -> Question:
    return answered(question, answer="SQLite", note="n", by="alice", via="api", now=START)


async def test_question_comes_back_as_it_was_asked(store: Store):
    """Every field, of every kind, with awkward texts in them."""
    await insert(store)
    action = ProposedAction(tool="Bash", input={"command": "echo '👋' \\ \"", "n": [1, None, {}]})

    for asked in (
        await stored(store, key="Grüße", text="e\u0301 \u202e 👩‍👩‍👧‍👦"),
        await stored(store, kind=QuestionKind.CHOICE, choices=("a", "«b»", "\\")),
        await stored(store, kind=QuestionKind.APPROVAL, action=action),
    ):
        assert await read(store, asked) == asked


async def test_only_what_is_open_is_ended(store: Store):
    """A second end that has slipped through every other check changes nothing."""
    await insert(store)
    question = await stored(store)
    ended = with_answer(question)
    await store.run(lambda tx: questions.save_answer(tx, ended))

    with pytest.raises(Unavailable):
        await store.run(lambda tx: questions.save_answer(tx, replace(ended, answer="PostgreSQL")))
    with pytest.raises(Unavailable):
        await store.run(lambda tx: questions.withdraw(tx, question))

    assert await read(store, question) == ended


async def test_key_is_taken_once_until_it_is_withdrawn(store: Store):
    """The database itself knows no two questions of one name, and of one task."""
    await insert(store)
    await insert(store)
    question = await stored(store, key="k")

    with pytest.raises(Exception, match=r"(?i)unique"):
        await stored(store, key="k")
    await stored(store, key="k", task_id=TaskId(2))
    await stored(store)
    await stored(store)
    await store.run(lambda tx: questions.withdraw(tx, question))
    again = await stored(store, key="k")

    found = await store.read(lambda r: questions.find_by_key(r, TaskId(1), "k"))
    assert found == again


@pytest.mark.parametrize(
    "said",
    [
        {"attempt": 0},
        {"choices": ("a",)},
        {"kind": QuestionKind.CHOICE},
        {"action": ProposedAction(tool="Bash", input={})},
        {"task_id": TaskId(99)},
    ],
)
async def test_impossible_question_is_not_stored(store: Store, said: dict[str, Any]):
    """Whatever a bug above tries."""
    await insert(store)

    with pytest.raises(Exception, match=r"(?i)constraint|violates") as refusal:
        await stored(store, **said)

    assert not isinstance(refusal.value, AthenaError)


async def test_approval_is_answered_by_a_verdict_only(store: Store):
    """No other word is ever taken for leave to do something."""
    await insert(store)
    question = await stored(store, kind=QuestionKind.APPROVAL)

    with pytest.raises(Exception, match=r"(?i)constraint|violates"):
        await store.run(lambda tx: questions.save_answer(tx, with_answer(question)))

    assert (await read(store, question)).status is QuestionStatus.OPEN
