"""Endings that Athena does not take as they are: something of them always reaches her."""

from __future__ import annotations

import pytest

from tests.worker.at_work import Place, until
from tests.worker.losing import losing
from tests.worker.stand_in import Steps

pytestmark = pytest.mark.slow  # a server for each test


async def test_a_park_on_a_question_that_is_none_goes_back_to_the_queue(place: Place):
    """What it was to wait for is not to be had."""
    task_id = await place.submit("await 999", "effect after")
    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert "task.released" in await place.events(task_id)
    assert place.bench.effects == [f"{task_id} after"]


async def test_a_result_of_the_wrong_shape_costs_only_itself(place: Place):
    """The task is completed all the same: the work is done."""
    task_id = await place.submit("odd")
    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert (await place.task(task_id))["notes"] == "done"


async def test_work_for_a_task_that_was_lost_meanwhile_is_told_here(place: Place):
    """Athena does not want the result: the error log of the project says where the work is.

    The worker may not follow events here, by which it would have learned of it at once.
    """
    key = await place.ask("POST", "/api/keys", {"name": "own", "scopes": ["work"]})
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker(key=key["secret"]):
        await place.does(f"{task_id} begun")
        await place.ask("POST", "/api/pause", {"instance": place.instance})
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
        await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": "other"})
        place.bench.let("go")
        await place.is_tidy()

    assert "in vain" in place.faults()
    assert (await place.task(task_id))["claimed_by"] == "other"


async def test_a_result_tells_what_earlier_attempts_have_cost(place: Place):
    """Their own results are gone with it."""
    task_id = await place.submit("cost 0.25", "fail no luck", max_attempts=3)
    async with place.worker():
        for failures in (1, 2):
            await place.reaches(task_id, status="pending", failures=failures)
            await place.ask("PATCH", f"/api/tasks/{task_id}", {"not_before": None})
        result = await place.result(task_id)

    assert (result["total_cost_usd"], result["earlier_cost_usd"]) == (0.25, 0.5)


async def test_a_kit_that_cannot_be_made_fails_the_attempt(place: Place):
    """Such as for a project whose settings cannot be used."""

    class Broken(Steps):
        def check(self) -> None:
            raise ValueError("no such forge")

    task_id = await place.submit("effect one")
    async with place.worker(steps=Broken(place.bench)):
        task = await place.reaches(task_id, failures=1)

    assert "no such forge" in task["error"]


async def test_a_person_speaks_to_a_task_that_waits(place: Place):
    """What was said while it was parked is heard when it goes on."""
    task_id = await place.submit("park 0.5", "hear")
    async with place.worker():
        await place.reaches(task_id, readiness="parked")
        await place.ask("POST", f"/api/tasks/{task_id}/messages", {"text": "Mind the gap"})
        result = await place.result(task_id)

    assert result["output"] == "Mind the gap"


async def test_a_question_taken_back_is_a_no(place: Place):
    """Whoever withdraws it does not allow it."""
    task_id = await place.submit("approve rm everything")
    async with place.worker():

        async def asked():
            page = await place.ask("GET", f"/api/questions?task={task_id}")
            return page["questions"]

        [question] = await until(asked)
        body = {"instance": place.instance}
        await place.ask("POST", f"/api/questions/{question['id']}/withdraw", body)
        result = await place.result(task_id)

    assert result["output"] == "deny The question was withdrawn."


async def test_a_question_beyond_what_can_be_asked_is_a_no(place: Place):
    """So many are open already: the call is refused, and the run goes on."""
    task_id = await place.submit("effect begun", "wait go", "approve one more")
    async with place.worker():
        await place.does(f"{task_id} begun")
        for number in range(100):
            body = {"instance": place.instance, "kind": "text", "text": str(number)}
            answer = await place.server.ask_async("POST", f"/api/tasks/{task_id}/questions", body)
            if answer.status != 201:
                break
        place.bench.let("go")
        result = await place.result(task_id)

    assert result["output"].startswith("deny This could not be asked")


async def test_an_action_too_large_to_be_shown_is_a_no(place: Place):
    """Nobody can allow what nobody sees: no question is asked, and Claude is told what to do."""
    task_id = await place.submit("approve " + "x" * 19_000)
    async with place.worker():
        result = await place.result(task_id)

    page = await place.ask("GET", f"/api/questions?task={task_id}&status=all")
    assert page["questions"] == []
    assert result["output"].startswith("deny This is too large to be shown to a person.")


async def test_a_task_that_comes_back_while_it_is_put_down_goes_on(place: Place):
    """Parked until a time that has passed, it is ready before its end is over here."""
    ids = [await place.submit("park -60", "effect after") for _ in range(12)]
    async with place.worker(jobs=4):
        results = [await place.result(each) for each in ids]
        await place.is_tidy()

    assert all(result["success"] for result in results)
    assert sorted(place.bench.effects) == sorted(f"{each} after" for each in ids)
    for each in ids:
        assert (await place.events(each)).count("task.claimed") == 2


async def test_a_result_whose_task_was_claimed_again_by_this_worker_is_told(place: Place):
    """Its lease ran out while Athena was away, and the next poll brought it: the work is done."""
    task_id = await place.submit("effect begun", "wait go")
    way_of = losing(place.server.url, f"/{task_id}/complete")
    async with way_of as way, place.worker(url=way.url, jobs=2):
        await place.does(f"{task_id} begun")
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
        place.bench.let("go")
        result = await place.result(task_id)
        await place.is_tidy()

    assert result["success"]
    assert place.bench.effects == [f"{task_id} begun"]
    assert "in vain" not in place.faults()
