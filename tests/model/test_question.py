"""A question is answered once, or withdrawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from athena.model.errors import AlreadyAnswered, QuestionWasWithdrawn
from athena.model.question import (
    VERDICTS,
    Question,
    QuestionId,
    QuestionKind,
    QuestionStatus,
    answered,
    check_open,
)
from athena.model.task import TaskId
from tests.model.tasks import NOW

QUESTION = Question(
    id=QuestionId(7),
    task_id=TaskId(5),
    attempt=1,
    instance="pi",
    kind=QuestionKind.TEXT,
    text="Which database?",
    asked_at=NOW,
)


def answer(question: Question) -> Question:
    return answered(question, answer="SQLite", note=None, by="alice", via="api", now=NOW)


def test_answer_closes_the_question():
    """It has who, how and when; what was asked stays."""
    after = answer(QUESTION)

    assert after == replace(
        QUESTION,
        status=QuestionStatus.ANSWERED,
        answer="SQLite",
        answered_by="alice",
        answered_via="api",
        answered_at=NOW,
    )
    assert QUESTION.is_open
    assert not after.is_open


def test_second_answer_is_told_whose_was_the_first():
    """Nobody's answer is overwritten."""
    with pytest.raises(AlreadyAnswered, match="alice has answered question 7"):
        answer(answer(QUESTION))


def test_withdrawn_question_is_not_answered():
    """Nobody waits for it."""
    withdrawn = replace(QUESTION, status=QuestionStatus.WITHDRAWN)

    with pytest.raises(QuestionWasWithdrawn, match="7 was withdrawn"):
        check_open(withdrawn)
    assert not withdrawn.is_open


def test_verdicts():
    """What may be said to an approval."""
    assert {"allow", "allow_project", "deny"} == VERDICTS
