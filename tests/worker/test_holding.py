"""What a worker hears of its tasks while it works on them: cancelled, lost, answered, spoken to."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from tests.worker.at_work import Place, until

pytestmark = pytest.mark.slow  # a server for each test

# Not shorter: a worker that gets no time of the machine for so long loses its tasks.
SHORT_LEASE = {"lease_seconds": 5.0}


async def test_a_cancelled_task_stops_at_once(place: Place):
    """Over the event stream; what was done is kept safe, and Athena is told nothing."""
    task_id = await place.submit("effect begun", "wait for ever", "effect wrong")
    async with place.worker():
        await place.does(f"{task_id} begun")
        await place.ask("POST", f"/api/tasks/{task_id}/cancel")
        await place.is_tidy()

    assert place.bench.effects == [f"{task_id} begun", f"rescued {task_id}"]
    assert (await place.events(task_id))[-1] == "task.cancelled"
    assert "cancelled" in place.faults()


async def test_without_the_event_stream_heartbeats_tell(place: Place):
    """A key that may not read events still works; a cancelled task is found at the next beat."""
    key = await place.ask("POST", "/api/keys", {"name": "blind", "scopes": ["work"]})
    task_id = await place.submit("effect begun", "wait for ever")
    async with place.worker(config=SHORT_LEASE, key=key["secret"]):
        await place.does(f"{task_id} begun")
        await place.ask("POST", f"/api/tasks/{task_id}/cancel")
        await place.is_tidy()

    assert f"rescued {task_id}" in place.bench.effects


async def test_a_task_that_another_has_claimed_is_let_go(place: Place):
    """Two never work on the same task for longer than it takes to notice."""
    task_id = await place.submit("effect begun", "wait for ever")
    async with place.worker(config=SHORT_LEASE):
        await place.does(f"{task_id} begun")
        await place.ask("POST", "/api/pause", {"instance": place.instance})
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
        await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": "other"})
        await place.is_tidy()

    assert (await place.task(task_id))["claimed_by"] == "other"
    assert "other has claimed it" in place.faults()


async def test_a_task_whose_lease_ran_out_is_taken_again(place: Place):
    """Nobody has claimed it since, so what is done goes on, under a new attempt."""
    task_id = await place.submit("effect begun", "wait go", "say late")
    async with place.worker(config=SHORT_LEASE):
        await place.does(f"{task_id} begun")
        # What the server does when a lease runs out, but for the count of failures.
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
        await place.reaches(task_id, attempt=2, status="in_progress")
        place.bench.let("go")
        result = await place.result(task_id)

    assert result["success"]
    assert place.bench.effects == [f"{task_id} begun"]
    assert await place.lines(task_id) == ["late"]


async def test_its_own_running_task_claimed_again_by_its_own_poll(place: Place):
    """With a free slot it is handed its own lapsed task: that goes on, and is not begun twice."""
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker(jobs=2):
        await place.does(f"{task_id} begun")
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
        await place.reaches(task_id, attempt=2, status="in_progress")
        place.bench.let("go")
        assert (await place.result(task_id))["success"]

    assert (await place.events(task_id)).count("task.claimed") == 2
    assert place.bench.effects == [f"{task_id} begun"]


async def test_heartbeats_keep_a_task_far_beyond_its_lease(place: Place):
    """Also where it has nothing to say for long."""
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker(config=SHORT_LEASE):
        await place.does(f"{task_id} begun")

        async def expiry() -> datetime:
            return datetime.fromisoformat((await place.task(task_id))["lease_expires_at"])

        first = await expiry()

        async def renewed_often() -> bool:
            return await expiry() > first + timedelta(seconds=8)

        await until(renewed_often)
        place.bench.let("go")
        await place.result(task_id)

    assert "task.expired" not in await place.events(task_id)


async def test_a_question_answered_in_time_goes_back_at_once(place: Place):
    """The process waits; nothing is parked."""
    task_id = await place.submit("ask Blue or green?")
    async with place.worker():
        question = await question_of(place, task_id)
        waiting = await place.task(task_id)
        await place.ask("POST", f"/api/questions/{question['id']}/answer", {"answer": "green"})
        result = await place.result(task_id)

    assert waiting["phase"] == "waiting"
    assert result["output"] == "green"
    assert "task.parked" not in await place.events(task_id)


async def test_a_question_answered_late_goes_back_later(place: Place):
    """The task is parked on it; its answer brings it back, to the same journal."""
    task_id = await place.submit("effect before", "ask Blue or green?", "effect after")
    async with place.worker(config={"patience_seconds": 0.2}):
        await place.reaches(task_id, readiness="parked")
    async with place.worker(config={"patience_seconds": 0.2}):
        question = await question_of(place, task_id)
        await place.ask("POST", f"/api/questions/{question['id']}/answer", {"answer": "green"})
        result = await place.result(task_id)
        await place.is_tidy()

    assert result["output"] == "green"
    assert place.bench.effects == [f"{task_id} before", f"{task_id} after"]
    page = await place.ask("GET", f"/api/questions?task={task_id}&status=all")
    assert len(page["questions"]) == 1


async def test_a_task_parked_here_and_done_elsewhere_is_put_away(place: Place):
    """Its journal and its work do not stay for ever."""
    task_id = await place.submit("park 3600")
    async with place.worker():
        await place.reaches(task_id, readiness="parked")
    assert place.record(task_id)["ending"]["delivered"]
    await place.ask("POST", f"/api/tasks/{task_id}/cancel")

    async with place.worker():
        await place.is_tidy()

    assert place.bench.effects == [f"rescued {task_id}"]


async def test_a_parked_task_comes_back_and_goes_on(place: Place):
    """The same journal, the next attempt, and no failure."""
    task_id = await place.submit("effect before", "park 0.3", "effect after")
    async with place.worker():
        result = await place.result(task_id)
        await place.is_tidy()

    task = await place.task(task_id)
    assert (result["success"], task["attempt"], task["failures"]) == (True, 2, 0)
    assert place.bench.effects == [f"{task_id} before", f"{task_id} after"]


async def test_a_parked_task_that_another_has_had_begins_anew(place: Place):
    """What is here of it is out of date: kept safe, and not gone on with."""
    task_id = await place.submit("effect before", "park 0.3", "wait go")
    async with place.worker():
        await place.reaches(task_id, readiness="parked")
        await place.ask("POST", "/api/pause", {"instance": place.instance})
    await place.ask("PATCH", f"/api/tasks/{task_id}", {"target": "other"})

    async def had_by_another() -> bool:
        body = {"instance": "other", "labels": ["other"]}
        answer = await place.server.ask_async("POST", "/api/claim", body)
        return answer.status == 200

    await until(had_by_another)
    await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": "other"})
    await place.ask("PATCH", f"/api/tasks/{task_id}", {"target": None})
    await place.ask("POST", "/api/resume", {"instance": place.instance})
    place.bench.let("go")

    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert place.bench.effects.count(f"rescued {task_id}") == 1


async def test_what_was_allowed_for_the_project_is_not_asked_again(place: Place):
    """The very same call needs no person any more; another one does."""
    first = await place.submit("approve make deploy")
    async with place.worker():
        question = await question_of(place, first)
        answer = {"answer": "allow_project", "answered_by": "ada"}
        await place.ask("POST", f"/api/questions/{question['id']}/answer", answer)
        await place.result(first)
        again = await place.result(await place.submit("approve make deploy"))
        other = await place.submit("approve make deploy --force")
        asked = await question_of(place, other)
        deny = {"answer": "deny", "note": "not that"}
        await place.ask("POST", f"/api/questions/{asked['id']}/answer", deny)
        denied = await place.result(other)

    assert question["action"] == {
        "tool": "Bash",
        "input": {"command": "make deploy", "description": "made up"},
    }
    assert again["output"] == "allowed before"
    assert denied["output"] == "deny not that"
    rules = json.loads((place.bench.state / "allowed" / "app.json").read_text())["rules"]
    assert [(rule["tool"], rule["allowed_by"]) for rule in rules] == [("Bash", "ada")]


async def test_a_persons_word_reaches_the_running_task(place: Place):
    """By the event stream, at once."""
    task_id = await place.submit("effect begun", "hear")
    async with place.worker():
        await place.does(f"{task_id} begun")
        await place.ask("POST", f"/api/tasks/{task_id}/messages", {"text": "Hurry up"})
        result = await place.result(task_id)

    assert result["output"] == "Hurry up"


async def question_of(place: Place, task_id: int):
    """The open question of a task, once it is asked."""

    async def look():
        page = await place.ask("GET", f"/api/questions?task={task_id}")
        return page["questions"][0] if page["questions"] else None

    return await until(look)
