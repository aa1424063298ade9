"""Tasks that are parked on a question: back in the queue with the answer, hours or days later."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from athena.model.errors import Conflict, Invalid, NotHolder, TaskIsParked
from athena.model.instance import Asker
from athena.model.lifecycle import Status
from athena.model.question import Question, QuestionStatus
from athena.model.reason import Reason, ReasonCode
from athena.model.task import Readiness, Task
from tests.service.driver import ALICE, WORKER, QueueDriver


async def parked_by(instance: str, queue: QueueDriver, **said: object) -> tuple[Task, Question]:
    """A new task that is parked on its open question."""
    task, question = await queue.asked_by(instance, **said)
    return await queue.park(task, instance, question=question, session_id="session-1"), question


async def test_parked_until_it_is_answered(queue: QueueDriver):
    """No time makes it ready, and the Claude session is kept with it."""
    task, question = await parked_by("pi", queue)

    await queue.advance(days=30)

    assert task.session_id == "session-1"
    assert (task.readiness, task.parked_until, task.due_at) == (Readiness.PARKED, None, None)
    assert await queue.readiness_of(task) is Readiness.PARKED
    assert await queue.claim_next("pi") is None
    with pytest.raises(TaskIsParked):
        await queue.claim(task, by="pi")
    assert (await queue.question(question)).is_open


async def test_answer_makes_it_ready_for_who_asked(queue: QueueDriver):
    """The same instance gets it first, for ten minutes from the answer; then anybody."""
    task, question = await parked_by("pi", queue)
    await queue.advance(hours=5)

    await queue.answer(question)

    assert await queue.readiness_of(task) is Readiness.READY
    assert await queue.next_for("mac") is None
    assert await queue.next_for("pi") == task.id
    await queue.advance(minutes=10)
    assert await queue.next_for("mac") == task.id
    assert await queue.story_of(task) == [
        "submitted",
        "claimed",
        "question.asked",
        "parked",
        "question.answered",
        "ready",
    ]


async def test_event_names_the_question(queue: QueueDriver):
    """Who follows the log knows what is waited for."""
    task, question = await parked_by("pi", queue)

    event = (await queue.history_of(task))[-1]

    assert event.type == "task.parked"
    assert event.data == {
        "instance": "pi",
        "attempt": 1,
        "session_id": "session-1",
        "question": question.id,
    }


async def test_answered_already_is_ready_at_once(queue: QueueDriver):
    """The answer that came while its holder packed up is not waited for."""
    task, question = await queue.asked_by("pi")
    await queue.answer(question)

    task = await queue.park(task, "pi", question=question)

    assert task.readiness is Readiness.READY
    assert task.offered_to == "pi"


async def test_withdrawn_question_holds_nothing(queue: QueueDriver):
    """Neither one that was withdrawn before, nor one that is withdrawn later."""
    before, question = await queue.asked_by("pi")
    await queue.withdraw(question, "pi")
    later, waited_for = await parked_by("pi", queue)

    before = await queue.park(before, "pi", question=question)
    await queue.withdraw(waited_for, "pi")

    assert before.readiness is Readiness.READY
    assert await queue.readiness_of(later) is Readiness.READY


async def test_only_its_own_question_is_waited_for(queue: QueueDriver):
    """That of another task is refused, as one that does not exist; the task goes on."""
    task, question = await queue.asked_by("pi")
    _, others = await queue.asked_by("pi")
    await queue.withdraw(question, "pi")
    park = queue.services.claims.park

    with pytest.raises(Invalid) as refusal:
        await queue.park(task, "pi", question=others)
    with pytest.raises(NotHolder):
        await queue.park(task, "mac", question=question)
    neither: dict[str, Any] = {}
    for said in (neither, {"until": queue.clock.now(), "question": question.id}):
        with pytest.raises(Invalid, match="until"):
            await park(
                task.id, instance="pi", attempt=1, session_id=None, notes=None, by=WORKER, **said
            )

    assert [error.field for error in refusal.value.errors] == ["question"]
    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_another_answer_is_not_the_one(queue: QueueDriver):
    """Of two questions, the task waits for the one that was named."""
    task, first = await queue.asked_by("pi")
    second = await queue.ask(task, "pi")
    await queue.park(task, "pi", question=second)

    await queue.answer(first)
    assert await queue.readiness_of(task) is Readiness.PARKED
    await queue.answer(second)

    assert await queue.readiness_of(task) is Readiness.READY


async def test_other_questions_stay_open_for_who_comes_back(queue: QueueDriver):
    """The one it was parked on is answered, and the same instance claims it."""
    task, first = await queue.asked_by("pi")
    second = await queue.ask(task, "pi")
    await queue.park(task, "pi", question=first)
    await queue.answer(first)

    claimed = await queue.claim_next("pi")

    assert claimed is not None
    assert (await queue.question(second)).is_open
    assert claimed == await queue.get(task)


async def test_another_instance_withdraws_what_is_left(queue: QueueDriver):
    """Once the ten minutes are over, whoever takes it cannot use the other answers."""
    task, first = await queue.asked_by("pi")
    second = await queue.ask(task, "pi")
    await queue.park(task, "pi", question=first)
    await queue.answer(first)
    await queue.advance(minutes=10)

    await queue.claim_next("mac")

    assert (await queue.question(second)).status is QuestionStatus.WITHDRAWN


async def test_what_else_holds_it_still_does(queue: QueueDriver):
    """The answer ends one reason only; the task is told to be ready when it is."""
    first = await queue.claimed_by("mac")
    task, question = await parked_by("pi", queue)
    await queue.change(
        task, depends_on=(first,), not_before=queue.clock.now() + timedelta(minutes=5)
    )

    await queue.answer(question)
    assert await queue.readiness_of(task) is Readiness.BLOCKED
    assert (await queue.story_of(task))[-1] == "question.answered"
    await queue.complete(first, "mac")
    assert await queue.readiness_of(task) is Readiness.SCHEDULED
    await queue.advance(minutes=5)

    assert await queue.readiness_of(task) is Readiness.READY
    assert await queue.next_for("mac") is None


async def test_started_task_holds_its_lane_meanwhile(queue: QueueDriver):
    """A source's tasks run strictly one after another, also over a question."""
    task, question = await parked_by("pi", queue, lane="docs")
    behind = await queue.submit(lane="docs")
    assert behind.readiness is Readiness.HELD

    await queue.answer(question)

    assert await queue.readiness_of(task) is Readiness.READY
    assert await queue.readiness_of(behind) is Readiness.HELD
    assert (await queue.story_of(task))[-1] == "ready"


async def test_dependants_wait_for_the_end(queue: QueueDriver):
    """A task parked on a question has not ended."""
    task, question = await parked_by("pi", queue)
    waiting = await queue.submit(depends_on=(task,))

    await queue.answer(question)
    task = await queue.claim(task, by="pi")
    await queue.complete(task, "pi")

    assert await queue.readiness_of(waiting) is Readiness.READY


async def test_changed_task_still_waits(queue: QueueDriver):
    """A person may send it elsewhere; the answer is still wanted."""
    task, question = await parked_by("pi", queue)

    await queue.change(task, target="mac", description="Deploy it elsewhere")
    assert await queue.readiness_of(task) is Readiness.PARKED
    await queue.answer(question)

    assert await queue.next_for("mac") == task.id
    assert await queue.next_for("pi") is None


async def test_cancelled_and_tried_again_waits_no_more(queue: QueueDriver):
    """The question went with the end."""
    task, question = await parked_by("pi", queue)

    cancelled = await queue.cancel(task)
    retried = await queue.retry(task)

    assert (cancelled.parked_question, cancelled.asker) == (None, None)
    assert retried.readiness is Readiness.READY
    assert (await queue.question(question)).status is QuestionStatus.WITHDRAWN


async def test_why_names_the_question(queue: QueueDriver):
    """Its id, and the beginning of what is asked; after the answer it is kept for who asked."""
    await queue.announce("pi")
    task, question = await parked_by("pi", queue)

    assert (await queue.why(task)).reasons == (
        Reason(ReasonCode.QUESTION_OPEN, "Waits for the answer to question 1: Which database?"),
    )
    await queue.answer(question)

    assert await queue.reasons_for(task) == ["parked_until"]


async def test_why_cuts_a_long_question(queue: QueueDriver):
    """A reason is a sentence."""
    task = await queue.claimed_by("pi")
    question = await queue.ask(task, "pi", "x" * 4_000)
    await queue.park(task, "pi", question=question)

    detail = (await queue.why(task)).reasons[0].detail

    assert detail.endswith("xx…")
    assert len(detail) < 300


async def test_answer_wakes_who_waits_for_work(queue: QueueDriver):
    """The worker that parked it waits in a poll, and has it with the answer."""
    task, question = await parked_by("pi", queue)
    claiming = asyncio.create_task(
        queue.services.polls.claim(
            Asker(instance="pi"),
            lease=None,
            wait=timedelta(seconds=30),
            by=WORKER,
            is_gone=lambda: False,
        )
    )
    await asyncio.wait([claiming], timeout=0.05)
    assert not claiming.done()

    await queue.answer(question)

    claimed = await asyncio.wait_for(claiming, 20)
    assert claimed is not None
    assert (claimed.id, claimed.session_id) == (task.id, "session-1")


async def test_park_and_answer_at_once(queue: QueueDriver):
    """Whichever comes first, the task is ready with the answer, and never parked for ever."""
    for _ in range(5):
        task, question = await queue.asked_by("pi")

        await asyncio.gather(queue.park(task, "pi", question=question), queue.answer(question))

        assert await queue.readiness_of(task) is Readiness.READY


async def test_cancel_and_answer_at_once(queue: QueueDriver):
    """A parked task that is cancelled does not come back with the answer."""
    for _ in range(5):
        task, question = await parked_by("pi", queue)

        answer, cancelled = await asyncio.gather(
            queue.answer(question),
            queue.services.tasks.cancel(task.id, by=ALICE),
            return_exceptions=True,
        )

        assert not isinstance(cancelled, BaseException)
        assert isinstance(answer, Question | Conflict)
        assert await queue.status_of(task) is Status.CANCELLED
        assert await queue.claim_next("pi") is None
