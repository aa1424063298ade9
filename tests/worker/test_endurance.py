"""Athena away, the worker killed, both: work is delayed by it, and none is lost or done twice."""

from __future__ import annotations

import asyncio
import random
import signal

import pytest

from tests.worker.at_work import Place, until
from tests.worker.test_holding import question_of

pytestmark = pytest.mark.slow  # a server for each test


async def test_a_result_waits_until_athena_is_back(place: Place):
    """The run goes on without her; result and transcript are on disk until she has them."""
    task_id = await place.submit("say one", "effect begun", "wait go", "say two", "effect done")
    async with place.worker():
        await place.does(f"{task_id} begun")
        place.server.kill()
        place.bench.let("go")
        await place.does(f"{task_id} done")
        place.server.start()
        result = await place.result(task_id)
        await place.is_tidy()

    assert result["success"]
    assert await place.lines(task_id) == ["one", "two"]
    assert (await place.events(task_id)).count("task.completed") == 1


async def test_a_result_survives_the_worker_as_well(place: Place):
    """Killed with the result in hand and nobody to tell it to."""
    task_id = await place.submit("effect begun", "wait go", "say last")
    first = place.start()
    await place.does(f"{task_id} begun")
    place.server.kill()
    place.bench.let("go")

    async def has_ended() -> bool:
        return place.record(task_id)["ending"] is not None

    await until(has_ended)
    await place.end(first, signal.SIGKILL)
    place.server.start()
    place.start()
    result = await place.result(task_id)
    await place.is_tidy()

    assert result["success"]
    assert await place.lines(task_id) == ["last"]
    assert place.bench.effects == [f"{task_id} begun"]


async def test_a_killed_worker_goes_on_where_it_was(place: Place):
    """In the same attempt: the lease is its own still."""
    task_id = await place.submit("effect one", "wait go", "effect two")
    first = place.start()
    await place.does(f"{task_id} one")
    await place.end(first, signal.SIGKILL)
    place.start()
    place.bench.let("go")
    result = await place.result(task_id)
    await place.is_tidy()

    assert result["success"]
    assert place.bench.effects == [f"{task_id} one", f"{task_id} two"]
    assert (await place.events(task_id)).count("task.claimed") == 1


async def test_a_killed_worker_comes_back_after_its_lease(place: Place):
    """Nobody has claimed the task since: what is here of it goes on, as a new attempt."""
    task_id = await place.submit("effect one", "wait go", "effect two")
    first = place.start("--lease", "4")
    await place.does(f"{task_id} one")
    await place.end(first, signal.SIGKILL)
    await place.reaches(task_id, status="pending", failures=1)
    place.start()
    place.bench.let("go")
    result = await place.result(task_id)

    assert result["success"]
    assert place.bench.effects == [f"{task_id} one", f"{task_id} two"]
    assert (await place.task(task_id))["attempt"] == 2


async def test_a_killed_worker_leaves_to_others_what_they_have_claimed(place: Place):
    """What it did is kept safe, and it stays away."""
    task_id = await place.submit("effect one", "wait go")
    first = place.start()
    await place.does(f"{task_id} one")
    await place.end(first, signal.SIGKILL)
    await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
    await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": "other"})
    place.start()
    await place.is_tidy()

    assert place.bench.effects == [f"{task_id} one", f"rescued {task_id}"]
    assert (await place.task(task_id))["claimed_by"] == "other"


async def test_a_question_outlives_the_worker_that_asked_it(place: Place):
    """Answered while nobody was there; it is not asked twice."""
    task_id = await place.submit("ask Blue or green?")
    first = place.start()
    question = await question_of(place, task_id)
    await place.end(first, signal.SIGKILL)
    await place.ask("POST", f"/api/questions/{question['id']}/answer", {"answer": "green"})
    place.start()
    result = await place.result(task_id)

    assert result["output"] == "green"
    page = await place.ask("GET", f"/api/questions?task={task_id}&status=all")
    assert len(page["questions"]) == 1


async def test_work_that_was_overtaken_is_kept_and_told_of(place: Place):
    """A worker that was suspended comes back too late: the newer claim stands."""
    task_id = await place.submit("effect one", "wait go")
    worker = place.start("--lease", "1")
    await place.does(f"{task_id} one")
    worker.send_signal(signal.SIGSTOP)
    await place.reaches(task_id, status="pending")
    await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": "other"})
    place.bench.let("go")
    worker.send_signal(signal.SIGCONT)
    await place.is_tidy()

    task = await place.task(task_id)
    assert (task["claimed_by"], task["status"]) == ("other", "in_progress")
    assert place.faults()


async def test_sigterm_lets_a_task_finish_within_the_grace_period(place: Place):
    """Nothing more is claimed; exit code 0."""
    task_id = await place.submit("effect one", "wait go")
    later = await place.submit("effect wrong")
    worker = place.start()
    await place.does(f"{task_id} one")
    worker.send_signal(signal.SIGTERM)
    place.bench.let("go")
    code = await asyncio.to_thread(worker.wait, 60)

    assert code == 0
    assert (await place.task(task_id))["status"] == "completed"
    assert (await place.task(later))["attempt"] == 0


async def test_sigint_hands_back_what_does_not_end(place: Place):
    """Without a failure; here it goes on from where it was, in the same session."""
    task_id = await place.submit("effect one", "wait go", "effect two")
    worker = place.start("--grace", "0")
    await place.does(f"{task_id} one")
    code = await place.end(worker, signal.SIGINT)
    task = await place.task(task_id)
    place.bench.let("go")
    place.start()
    result = await place.result(task_id)

    assert (code, task["status"], task["failures"]) == (0, "pending", 0)
    assert result["session_id"] == f"session-{task_id}"
    assert place.bench.effects == [f"{task_id} one", f"{task_id} two"]


async def test_sigterm_parks_a_task_on_its_open_question(place: Place):
    """It comes back with the answer, not before."""
    task_id = await place.submit("ask Blue or green?")
    worker = place.start("--grace", "0")
    await question_of(place, task_id)
    await place.end(worker)
    task = await place.task(task_id)

    assert (task["readiness"], task["session_id"]) == ("parked", f"session-{task_id}")


async def test_a_second_signal_ends_at_once(place: Place):
    """Whoever presses Ctrl-C twice means it; the task is gone on with at the next start."""
    task_id = await place.submit("effect one", "wait go")
    worker = place.start("--grace", "60")
    await place.does(f"{task_id} one")
    worker.send_signal(signal.SIGINT)

    async def is_stopping() -> bool:
        return b"Stopping" in (place.bench.folder / "worker.log").read_bytes()

    await until(is_stopping)
    assert await place.end(worker, signal.SIGINT) == 128 + signal.SIGINT
    place.start()
    place.bench.let("go")
    assert (await place.result(task_id))["success"]


async def test_a_stop_while_athena_is_away_loses_nothing(place: Place):
    """It does not wait for her; the result is told after the next start."""
    task_id = await place.submit("effect begun", "wait go")
    worker = place.start()
    await place.does(f"{task_id} begun")
    place.server.kill()
    place.bench.let("go")

    async def has_ended() -> bool:
        return place.record(task_id)["ending"] is not None

    await until(has_ended)
    code = await place.end(worker)
    place.server.start()
    place.start()

    assert code == 0
    assert (await place.result(task_id))["success"]


@pytest.mark.timeout(900)
async def test_killed_again_and_again(place: Place):
    """Whichever moment it is, of the worker or the server: each task ends once, each effect is
    there once, and no attempt is spent.
    """
    dice = random.Random(4)
    steps = [
        "say a",
        "effect one",
        "progress half",
        "say b",
        "effect two",
        "park 0.1",
        "effect three",
    ]
    ids = [await place.submit(*steps) for _ in range(24)]
    worker = place.start("--jobs", "3")
    for moment in range(16):
        await asyncio.sleep(dice.random() * 0.8 + (0.3 if moment % 4 else 0))
        if moment % 4 == 3:
            place.server.kill()
            await asyncio.sleep(dice.random() * 0.3)
            await asyncio.to_thread(place.server.start)
        await place.end(worker, signal.SIGKILL)
        worker = place.start("--jobs", "3")
    results = [await place.result(each) for each in ids]
    await place.is_tidy()

    tasks = [await place.task(each) for each in ids]
    effects = sorted(f"{each} {name}" for each in ids for name in ("one", "two", "three"))
    assert all(result["success"] for result in results)
    # Nor is anything begun anew whose work is here: that would be a rescue more.
    assert sorted(place.bench.effects) == effects
    assert [task["failures"] for task in tasks] == [0] * len(ids)
    for each in ids:
        assert (await place.events(each)).count("task.completed") == 1
        # Lines on their way at a kill may be told again in the next attempt.
        assert set(await place.lines(each)) == {"a", "b"}
