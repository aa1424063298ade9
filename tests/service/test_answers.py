"""Answers to questions: the first one counts, and whoever waits for it hears it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from athena.model.errors import (
    AlreadyAnswered,
    Conflict,
    Invalid,
    QuestionNotFound,
    QuestionWasWithdrawn,
)
from athena.model.event import SYSTEM
from athena.model.question import (
    Question,
    QuestionId,
    QuestionKind,
)
from athena.model.task import Phase
from tests.service.driver import QueueDriver
from tests.service.questioning import (
    ANSWERED,
    BASH,
    WITHDRAWN,
)

# --- answering --------------------------------------------------------------------------------


async def test_answer_lets_the_holder_go_on(queue: QueueDriver):
    """It is kept with who gave it, the task works again, and the log has the beginning of it."""
    task, question = await queue.asked_by("pi")
    await queue.advance(hours=1)

    answered = await queue.answer(
        question, "PostgreSQL, " + "really " * 100, answered_by="bob", via="discord", note="because"
    )

    assert answered == await queue.question(question)
    assert (answered.status, answered.note) == (ANSWERED, "because")
    assert (answered.answered_by, answered.answered_via) == ("bob", "discord")
    assert answered.answered_at == queue.clock.now()
    assert (await queue.get(task)).phase is Phase.WORKING
    event = (await queue.history_of(task))[-1]
    assert event.type == "question.answered"
    assert event.data == {
        "question": 1,
        "kind": "text",
        "instance": "pi",
        "answer": (answered.answer or "")[:200],
        "answered_by": "bob",
        "answered_via": "discord",
    }


async def test_who_answers_is_the_key_where_nobody_is_named(queue: QueueDriver):
    """Somebody always has answered."""
    _, question = await queue.asked_by("pi")

    answered = await queue.answer(question)

    assert (answered.answered_by, answered.answered_via) == ("alice", "api")


async def test_holder_waits_until_the_last_answer(queue: QueueDriver):
    """Of two questions, the first answer changes nothing about the phase."""
    task, first = await queue.asked_by("pi")
    second = await queue.ask(task, "pi")

    await queue.answer(second)
    assert (await queue.get(task)).phase is Phase.WAITING
    await queue.answer(first)

    assert (await queue.get(task)).phase is Phase.WORKING


async def test_phase_that_the_holder_has_named_since_stays(queue: QueueDriver):
    """It knows better what it is at."""
    task, question = await queue.asked_by("pi")
    await queue.progress(task, "pi", phase=Phase.TESTING)

    await queue.answer(question)

    assert (await queue.get(task)).phase is Phase.TESTING


async def test_first_answer_wins(queue: QueueDriver):
    """Of many at once one is taken; the others are told whose it was."""
    task, question = await queue.asked_by("pi")
    people = [f"person-{number}" for number in range(8)]

    answers = await asyncio.gather(
        *(queue.answer(question, name, answered_by=name) for name in people),
        return_exceptions=True,
    )

    taken = [answer for answer in answers if isinstance(answer, Question)]
    refused = [answer for answer in answers if isinstance(answer, AlreadyAnswered)]
    assert (len(taken), len(refused)) == (1, 7)
    winner = taken[0].answered_by
    assert taken[0].answer == winner
    assert {refusal.detail for refusal in refused} == {f"{winner} has answered question 1."}
    assert (await queue.question(question)).answer == winner
    assert (await queue.story_of(task)).count("question.answered") == 1


async def test_approval_has_three_answers(queue: QueueDriver):
    """Anything else is no verdict; a choice takes any text."""
    task = await queue.claimed_by("pi")
    approval = await queue.ask(task, "pi", kind=QuestionKind.APPROVAL, action=BASH)
    choice = await queue.ask(task, "pi", kind=QuestionKind.CHOICE, choices=("a", "b"))

    with pytest.raises(Invalid, match="allow, allow_project or deny"):
        await queue.answer(approval, "yes")
    denied = await queue.answer(approval, "deny", note="not on a Friday")

    assert (denied.answer, denied.note) == ("deny", "not on a Friday")
    assert (await queue.answer(choice, "c")).answer == "c"
    with pytest.raises(Invalid):
        await queue.answer(approval, "perhaps")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("answer", {"answer": " "}),
        ("answer", {"answer": "x" * 4_001}),
        ("note", {"note": "\ud800"}),
        ("answered_by", {"answered_by": "x" * 129}),
    ],
)
async def test_what_cannot_be_answered(queue: QueueDriver, field: str, said: dict[str, Any]):
    """It is refused by the name of its field, and the question stays open."""
    _, question = await queue.asked_by("pi")

    with pytest.raises(Invalid) as refusal:
        await queue.answer(question, **said)

    assert [error.field for error in refusal.value.errors] == [field]
    assert (await queue.question(question)).is_open


async def test_unknown_question(queue: QueueDriver):
    """There must be a question to answer, to look at, or to withdraw."""
    questions = queue.services.questions

    for call in (
        questions.get(QuestionId(9)),
        questions.answer(QuestionId(9), "yes", by=SYSTEM),
        questions.withdraw(QuestionId(9), instance="pi", by=SYSTEM),
        questions.wait_for_answer(QuestionId(9), wait=timedelta(), is_gone=lambda: False),
    ):
        with pytest.raises(QuestionNotFound):
            await call


# --- waiting for the answer -------------------------------------------------------------------


async def wait_for(queue: QueueDriver, question: Question, *, seconds: float = 30) -> Question:
    return await queue.services.questions.wait_for_answer(
        question.id, wait=timedelta(seconds=seconds), is_gone=lambda: False
    )


async def begun(waiting: asyncio.Task[Any]) -> None:
    """Let it come to where it waits."""
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()


async def test_waiting_ends_with_the_answer(queue: QueueDriver):
    """At once, and not with what else happens to the task."""
    task, question = await queue.asked_by("pi")
    waiting = asyncio.create_task(wait_for(queue, question))
    await begun(waiting)
    await queue.progress(task, "pi", percent=5)
    await begun(waiting)

    answered = await queue.answer(question)

    assert await asyncio.wait_for(waiting, 20) == answered


async def test_waiting_ends_with_a_withdrawal_or_a_removal(queue: QueueDriver):
    """Nobody waits for what will never come."""
    first, withdrawn = await queue.asked_by("pi")
    second, removed = await queue.asked_by("pi")
    second = await queue.park(second, "pi")
    waiting = [asyncio.create_task(wait_for(queue, one)) for one in (withdrawn, removed)]
    for one in waiting:
        await begun(one)

    await queue.complete(first, "pi")
    await queue.delete(second)

    assert (await asyncio.wait_for(waiting[0], 20)).status is WITHDRAWN
    with pytest.raises(QuestionNotFound):
        await asyncio.wait_for(waiting[1], 20)


async def test_waiting_has_an_end(queue: QueueDriver):
    """Then the question is told as it is; an answered one is told without waiting."""
    _, question = await queue.asked_by("pi")

    assert await wait_for(queue, question, seconds=0.01) == question
    answered = await queue.answer(question)

    assert await wait_for(queue, question) == answered


# --- races ------------------------------------------------------------------------------------


async def test_answer_and_end_at_once(queue: QueueDriver):
    """Either the answer came first, or it was refused; never both, and never neither."""
    for _ in range(5):
        task, question = await queue.asked_by("pi")

        answer, _ = await asyncio.gather(
            queue.answer(question), queue.complete(task, "pi"), return_exceptions=True
        )

        after = await queue.question(question)
        story = await queue.story_of(task)
        if isinstance(answer, Conflict):
            assert isinstance(answer, QuestionWasWithdrawn)
            assert after.status is WITHDRAWN
        else:
            assert after.status is ANSWERED
        ends = [kind for kind in story if kind in {"question.answered", "question.withdrawn"}]
        assert len(ends) == 1
