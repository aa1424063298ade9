"""Questions where several servers share a store: one answer, heard everywhere at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from athena.model.errors import AlreadyAnswered, Conflict, QuestionWasWithdrawn
from athena.model.question import Question, QuestionStatus
from athena.model.task import Readiness
from tests.service.driver import QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import Engine, only_on

pytestmark = only_on("postgres", "on SQLite there is one server")
ROUNDS = 10
DEADLINE_SECONDS = 20


@pytest.fixture
async def replicas(
    engine: Engine, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[list[QueueDriver]]:
    """Three servers on one database."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            store = await stack.enter_async_context(engine.build(tmp_path, clock))
            found.append(QueueDriver(store, clock))
        yield found


async def test_first_answer_wins_wherever_it_is_given(replicas: list[QueueDriver]):
    """Of six at once, two through each server, one is taken and told to all."""
    home, *_ = replicas
    for _ in range(ROUNDS):
        task, question = await home.asked_by("pi")

        answers = await asyncio.gather(
            *(
                replica.answer(question, name, answered_by=name)
                for place, replica in enumerate(replicas)
                for name in (f"a{place}", f"b{place}")
            ),
            return_exceptions=True,
        )

        taken = [answer for answer in answers if isinstance(answer, Question)]
        assert len(taken) == 1
        assert sum(isinstance(answer, AlreadyAnswered) for answer in answers) == 5
        assert {(await r.question(question)).answer for r in replicas} == {taken[0].answer}
        assert (await home.story_of(task)).count("question.answered") == 1


async def test_same_key_is_one_question_wherever_it_is_asked(replicas: list[QueueDriver]):
    """A request that was repeated through another server asks nothing twice."""
    for _ in range(ROUNDS):
        task = await replicas[0].claimed_by("pi")

        asked = await asyncio.gather(
            *(replica.ask(task, "pi", key="k") for replica in replicas for _ in range(2))
        )

        assert len({question.id for question in asked}) == 1
        assert (await replicas[1].story_of(task)).count("question.asked") == 1


async def test_answer_is_heard_through_another_server(replicas: list[QueueDriver]):
    """Whoever waits there has it at once, and not with the next look."""
    asker, _, answerer = replicas
    _, question = await asker.asked_by("pi")
    waiting = asyncio.create_task(
        asker.services.questions.wait_for_answer(
            question.id, wait=timedelta(seconds=60), is_gone=lambda: False
        )
    )
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()

    answered = await answerer.answer(question)

    assert await asyncio.wait_for(waiting, DEADLINE_SECONDS) == answered


async def test_answer_meets_a_park_an_end_or_another_claim(replicas: list[QueueDriver]):
    """Through different servers at once: the task is never parked for ever, the answer never lost.

    Either it was given, or it was refused as nobody could use it.
    """
    one, two, three = replicas
    for _ in range(ROUNDS):
        parked, asked_by_parked = await one.asked_by("pi")
        ended, asked_by_ended = await one.asked_by("pi")
        await asyncio.gather(
            one.park(parked, "pi", question=asked_by_parked),
            two.answer(asked_by_parked),
        )
        answer, _ = await asyncio.gather(
            three.answer(asked_by_ended), two.complete(ended, "pi"), return_exceptions=True
        )

        assert await three.readiness_of(parked) is Readiness.READY
        after = await one.question(asked_by_ended)
        if isinstance(answer, Conflict):
            assert isinstance(answer, QuestionWasWithdrawn)
            assert after.status is QuestionStatus.WITHDRAWN
        else:
            assert after.status is QuestionStatus.ANSWERED
        await one.claim(parked, by="pi")
        await one.complete(await one.get(parked), "pi")


async def test_ask_meets_a_cancellation(replicas: list[QueueDriver]):
    """Through different servers at once: no open question is left of a task that has ended."""
    one, two, _ = replicas
    for _ in range(ROUNDS):
        task = await one.claimed_by("pi")

        await asyncio.gather(one.ask(task, "pi"), two.cancel(task), return_exceptions=True)

        assert await one.questions(QuestionStatus.OPEN, task=task) == []


@pytest.mark.parametrize("holds", [True, False])
async def test_many_asks_and_answers_beside_each_other(replicas: list[QueueDriver], holds: bool):
    """Groups of use cases on all servers end without a deadlock, and each question once."""
    tasks = [await replicas[0].claimed_by("pi") for _ in range(8)]

    async def live(place: int) -> None:
        replica, task = replicas[place % 3], tasks[place]
        question = await replica.ask(task, "pi", key=f"k{place}")
        if holds:
            await replica.progress(task, "pi", percent=place)
        else:
            await replica.park(task, "pi", question=question)
        await replicas[(place + 1) % 3].answer(question)

    await asyncio.wait_for(asyncio.gather(*(live(place) for place in range(8))), DEADLINE_SECONDS)

    asked = await replicas[2].questions()
    assert len(asked) == 8
    assert {question.status for question in asked} == {QuestionStatus.ANSWERED}
