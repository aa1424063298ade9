"""Questions that nobody needs answered any more: by their asker, or by what becomes of the task."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.errors import (
    AlreadyAnswered,
    NotHolder,
    QuestionNotFound,
    QuestionWasWithdrawn,
)
from athena.model.event import SYSTEM
from athena.model.lifecycle import Status
from athena.model.task import Phase
from tests.service.driver import QueueDriver, finish
from tests.service.questioning import (
    ANSWERED,
    OPEN,
    WITHDRAWN,
    about_questions,
    withdrawn_because,
)

# --- withdrawing ------------------------------------------------------------------------------


async def test_asker_withdraws(queue: QueueDriver):
    """It works again, nobody can answer any more, and doing it twice is no error."""
    task, question = await queue.asked_by("pi")

    withdrawn = await queue.withdraw(question, "pi")

    assert withdrawn.status is WITHDRAWN
    assert (await queue.get(task)).phase is Phase.WORKING
    with pytest.raises(QuestionWasWithdrawn):
        await queue.answer(question)
    assert await queue.withdraw(question, "pi") == withdrawn
    assert about_questions(await queue.history_of(task))[1:] == [
        ("question.withdrawn", {"question": 1, "kind": "text", "instance": "pi"})
    ]


async def test_others_cannot_withdraw(queue: QueueDriver):
    """Nor can the asker, once there is an answer."""
    _, question = await queue.asked_by("pi")

    with pytest.raises(NotHolder):
        await queue.withdraw(question, "mac")
    await queue.answer(question)

    with pytest.raises(AlreadyAnswered):
        await queue.withdraw(question, "pi")


async def test_end_of_a_task_withdraws_what_it_asked(queue: QueueDriver):
    """However it ends, nobody is left who could use the answer; answered ones stay as they are."""
    completed, *_ = await queue.asked_by("pi")
    answered = await queue.answer(await queue.ask(completed, "pi"))
    second = await queue.ask(completed, "pi")
    cancelled, _ = await queue.asked_by("pi")
    failed, _ = await queue.asked_by("pi")

    await queue.complete(completed, "pi")
    await queue.cancel(cancelled)
    await queue.fail(failed, "pi", for_good=True)

    assert await withdrawn_because(queue, completed) == ["task.completed"] * 2
    assert await withdrawn_because(queue, cancelled) == ["task.cancelled"]
    assert await withdrawn_because(queue, failed) == ["task.failed"]
    assert await queue.question(answered) == answered
    with pytest.raises(QuestionWasWithdrawn):
        await queue.answer(second)
    assert await queue.questions(OPEN) == []


async def test_finish_with_the_next_claim_withdraws_too(queue: QueueDriver):
    """The short way to end a task is no way around the rule."""
    task, question = await queue.asked_by("pi")

    await queue.claim_next("pi", finish=finish(task))

    assert (await queue.question(question)).status is WITHDRAWN


async def test_giving_up_the_attempt_withdraws(queue: QueueDriver):
    """Released, or failed with a retry: the next attempt asks for itself."""
    released, _ = await queue.asked_by("pi")
    failed, _ = await queue.asked_by("pi")

    await queue.release(released, "pi")
    await queue.fail(failed, "pi")

    assert await withdrawn_because(queue, released) == ["task.released"]
    assert await withdrawn_because(queue, failed) == ["task.will_retry"]
    assert await queue.questions(OPEN) == []


async def test_late_ends_withdraw(queue: QueueDriver):
    """What the lost lease left open ends with the late completion or failure."""
    completed = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    failed = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    await queue.ask(completed, "pi")
    await queue.ask(failed, "pi")
    await queue.advance(minutes=1)
    assert len(await queue.questions(OPEN)) == 2

    await queue.complete(completed, "pi")
    await queue.fail(failed, "pi")

    assert await withdrawn_because(queue, completed) == ["task.completed"]
    assert await withdrawn_because(queue, failed) == ["task.changed"]


async def test_last_expiry_withdraws(queue: QueueDriver):
    """A task without a further attempt has ended, whoever may complete it late."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1), max_attempts=1)
    await queue.ask(task, "pi")

    await queue.advance(minutes=1)

    assert await queue.status_of(task) is Status.FAILED
    assert await withdrawn_because(queue, task) == ["task.failed"]


async def test_removed_task_withdraws(queue: QueueDriver):
    """The question goes with it, and whoever follows the log learns so."""
    task, question = await queue.asked_by("pi")
    task = await queue.park(task, "pi")

    await queue.delete(task)

    assert await withdrawn_because(queue, task) == ["task.deleted"]
    with pytest.raises(QuestionNotFound):
        await queue.question(question)


async def test_purge_takes_questions_and_messages_along(queue: QueueDriver):
    """They are of their task."""
    task, question = await queue.asked_by("pi")
    await queue.complete(task, "pi")
    await queue.advance(hours=1)

    await queue.services.tasks.purge(
        statuses=frozenset({Status.COMPLETED}), before=queue.clock.now(), by=SYSTEM
    )

    with pytest.raises(QuestionNotFound):
        await queue.question(question)


async def test_question_outlives_an_expiry_and_a_park(queue: QueueDriver):
    """The same instance, back with a new attempt, gets the answer."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    task = await queue.claim(task, by="pi")
    assert (await queue.question(question)).is_open
    await queue.park(task, "pi")
    await queue.advance(hours=1)
    task = await queue.claim(task, by="pi")

    await queue.answer(question)

    assert (await queue.question(question)).status is ANSWERED
    assert (await queue.get(task)).phase is Phase.WORKING


async def test_answer_that_comes_while_nobody_holds_the_task(queue: QueueDriver):
    """It changes nothing about the task, and is there for who comes back."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    before = await queue.get(task)

    await queue.answer(question)

    after = await queue.get(task)
    assert (after.status, after.readiness) == (before.status, before.readiness)
    assert (await queue.story_of(task))[-2:] == ["expired", "question.answered"]
    await queue.claim(task, by="mac")
    assert (await queue.question(question)).status is ANSWERED


async def test_claim_by_another_instance_withdraws(queue: QueueDriver):
    """It cannot use what its predecessor asked."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    await queue.ask(task, "pi")
    await queue.advance(minutes=1)

    claimed = await queue.claim(task, by="mac")

    assert await withdrawn_because(queue, task) == ["task.claimed"]
    assert claimed == await queue.get(task)
    assert claimed.asker is None


async def test_claim_next_by_another_instance_withdraws(queue: QueueDriver):
    """Also where the task came to it by itself."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)

    assert (await queue.claim_next("mac")) is not None

    assert (await queue.question(question)).status is WITHDRAWN


async def test_undone_claim_withdraws_nothing(queue: QueueDriver):
    """An answer that never arrived is no release: who asked before may still come back."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    task = await queue.claim(task, by="pi")

    await queue.services.claims.undo(task)

    assert (await queue.question(question)).is_open
    task = await queue.claim(task, by="pi")
    await queue.answer(question)


async def test_retried_task_asks_anew(queue: QueueDriver):
    """What was withdrawn stays so."""
    task, question = await queue.asked_by("pi")
    await queue.cancel(task)
    await queue.retry(task)

    task = await queue.claim(task, by="pi")

    assert (await queue.question(question)).status is WITHDRAWN
    assert task.asker is None
