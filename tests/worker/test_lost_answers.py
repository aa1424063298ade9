"""Answers that never arrive: what was done is not done again, and nothing is taken for lost."""

from __future__ import annotations

import pytest

from tests.worker.at_work import Place, until
from tests.worker.losing import losing
from tests.worker.test_holding import question_of

pytestmark = pytest.mark.slow  # a server for each test


async def test_a_lost_claim_brings_the_same_task_again(place: Place):
    """The request has a name, so the second time it is not another claim."""
    task_id = await place.submit("effect one")
    async with losing(place.server.url, "/api/claim") as way, place.worker(url=way.url):
        result = await place.result(task_id)

    assert way.lost == ["/api/claim"]
    assert result["success"]
    assert (await place.events(task_id)).count("task.claimed") == 1


@pytest.mark.parametrize("steps", [("say a", "effect one"), ("give up it is impossible",)])
async def test_a_lost_ending_is_told_again(place: Place, steps: tuple[str, ...]):
    """Its second answer may be a no, which is none: nothing went wrong."""
    task_id = await place.submit(*steps)
    paths = (f"/{task_id}/complete", f"/{task_id}/fail")
    async with losing(place.server.url, *paths) as way, place.worker(url=way.url):
        await place.result(task_id)
        await place.is_tidy()

    assert len(way.lost) == 1
    assert "in vain" not in place.faults()
    ends = [each for each in await place.events(task_id) if each.endswith(("completed", "failed"))]
    assert len(ends) == 1


async def test_a_lost_failure_counts_once(place: Place):
    """The task waits for its next attempt already when it is told the second time."""
    task_id = await place.submit("fail no luck")
    way_of = losing(place.server.url, f"/{task_id}/fail")
    async with way_of as way, place.worker(url=way.url):
        task = await place.reaches(task_id, status="pending", failures=1)
        await place.is_tidy()

    assert way.lost
    assert (task["attempt"], task["failures"]) == (1, 1)
    assert "in vain" not in place.faults()


async def test_a_lost_park_keeps_the_journal(place: Place):
    """The task is not lost: it is parked, and comes back here."""
    task_id = await place.submit("effect one", "park 0.5", "effect two")
    async with losing(place.server.url, f"/{task_id}/park") as way, place.worker(url=way.url):
        result = await place.result(task_id)

    assert way.lost
    assert result["success"]
    assert place.bench.effects == [f"{task_id} one", f"{task_id} two"]


async def test_a_lost_question_is_asked_once(place: Place):
    """Two people must not be asked for the same thing."""
    task_id = await place.submit("ask Blue or green?")
    way_of = losing(place.server.url, f"/{task_id}/questions")
    async with way_of as way, place.worker(url=way.url):
        await until(lambda: _is_lost(way.lost))
        question = await question_of(place, task_id)
        await place.ask("POST", f"/api/questions/{question['id']}/answer", {"answer": "green"})
        await place.result(task_id)

    page = await place.ask("GET", f"/api/questions?task={task_id}&status=all")
    assert len(page["questions"]) == 1


async def test_lost_lines_are_not_told_twice(place: Place):
    """Lines are numbered by who tells them."""
    task_id = await place.submit("say one", "say two", "effect said", "wait go")
    async with losing(place.server.url, f"/{task_id}/log") as way, place.worker(url=way.url):
        await until(lambda: _is_lost(way.lost))
        place.bench.let("go")
        await place.result(task_id)
        await place.is_tidy()

    assert await place.lines(task_id) == ["one", "two"]


async def _is_lost(lost: list[str]) -> bool:
    return bool(lost)
