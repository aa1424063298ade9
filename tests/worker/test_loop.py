"""What a worker claims, when, and how it tells what came of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from claude_task_client.worker import locking
from claude_task_client.worker.config import ExecutorName, Isolation
from tests.worker.at_work import Place, until
from tests.worker.stand_in import now

pytestmark = pytest.mark.slow  # a server for each test


async def test_a_task_is_done_told_and_put_away(place: Place):
    """From the queue to its result, with its transcript in order; nothing is left here."""
    async with place.worker():
        task_id = await place.submit("say one", "effect done", "say two")
        result = await place.result(task_id)
        await place.is_tidy()

    assert (result["success"], result["session_id"]) == (True, f"session-{task_id}")
    assert await place.lines(task_id) == ["one", "two"]
    assert await place.events(task_id) == [
        "task.submitted",
        "task.claimed",
        "task.completed",
    ]


async def test_only_its_own_projects_are_claimed(place: Place):
    """A task of another project, or of none, is somebody else's."""
    await place.submit("effect wrong", project="other")
    await place.submit("effect wrong", project=None)
    async with place.worker():
        await place.result(await place.submit("effect right"))

    assert [effect.split()[1] for effect in place.bench.effects] == ["right"]


async def test_as_many_tasks_at_a_time_as_it_has_slots(place: Place):
    """With two slots the third task stays in the queue, for others to take."""
    ids = [await place.submit("effect begun", "wait go") for _ in range(3)]
    async with place.worker(jobs=2):
        await place.does(f"{ids[0]} begun")
        await place.does(f"{ids[1]} begun")
        third = await place.task(ids[2])
        place.bench.let("go")
        results = [await place.result(each) for each in ids]

    assert third["status"] == "pending"
    assert all(result["success"] for result in results)


async def test_a_folder_is_worked_in_by_one_task_at_a_time(place: Place):
    """In place there is room for one, whatever the slots; others of other projects go on."""
    first = await place.submit("effect begun", "wait go")
    second = await place.submit("effect begun")
    config = {"isolation": Isolation.IN_PLACE}
    async with place.worker(jobs=2, config=config):
        await place.does(f"{first} begun")
        place.bench.let("go")
        await place.result(second)

    assert place.bench.effects == [f"{first} begun", f"{second} begun"]
    assert (await place.task(first))["completed_at"] <= (await place.task(second))["claimed_at"]


async def test_once_takes_one_task_and_exits(place: Place):
    """One of several, with exit code 0."""
    ids = [await place.submit("effect done") for _ in range(2)]

    code = await place.run_to_its_end(once=True)

    assert code == 0
    assert (await place.task(ids[0]))["status"] == "completed"
    assert (await place.task(ids[1]))["status"] == "pending"


@pytest.mark.parametrize("steps", ["fail no luck", "give up", "park 3600"])
async def test_once_exits_with_1_where_its_task_is_not_done(place: Place, steps: str):
    """A script goes on with what was done: also what will be tried again is not."""
    await place.submit(steps)

    assert await place.run_to_its_end(once=True) == 1


async def test_once_with_nothing_to_do_exits_with_4(place: Place):
    """It does not wait for a task to come."""
    assert await place.run_to_its_end(once=True) == 4


async def test_once_without_athena_exits_with_3(place: Place):
    """Nothing is lost by it: nothing was claimed."""
    place.server.kill()

    assert await place.run_to_its_end(once=True) == 3


async def test_once_without_athena_names_the_command_that_helps(place: Place, caplog):
    """And it does not end on "Trying again"."""
    place.server.kill()

    await place.run_to_its_end(once=True)

    assert "claude-task-client doctor" in caplog.messages[-1]


async def test_once_under_a_usage_limit_exits_with_4(place: Place, caplog):
    """It says until when, before as after it knows its own health."""
    caplog.set_level("INFO", "claude_task_client")
    limited = await place.submit("limit 3600")
    async with place.worker():
        await place.reaches(limited, readiness="parked")

    assert await place.run_to_its_end(once=True) == 4
    assert "A usage limit holds until" in caplog.messages[-1]


async def test_its_own_log_tells_of_each_task(place: Place, caplog):
    """Who starts it in a terminal sees what it does."""
    caplog.set_level("INFO", "claude_task_client")
    task_id = await place.submit("effect done")

    await place.run_to_its_end(once=True)

    told = [line for line in caplog.messages if f"#{task_id}" in line]
    assert ("attempt 1" in told[0], "completed" in told[-1]) == (True, True)


async def test_once_while_sick_exits_with_1(place: Place):
    """A sick worker takes nothing."""
    task_id = await place.submit("effect done")
    place.bench.set_health(ok=False, message="no git")

    assert await place.run_to_its_end(once=True) == 1
    assert (await place.task(task_id))["status"] == "pending"


async def test_so_many_cycles_and_then_the_end(place: Place):
    """It waits for tasks, and ends after the second."""
    ids = [await place.submit("effect done") for _ in range(3)]

    code = await place.run_to_its_end(cycles=2)

    assert code == 0
    assert [(await place.task(each))["attempt"] for each in ids] == [1, 1, 0]


async def test_asking_at_intervals_instead_of_waiting(place: Place):
    """Where long polls cannot get through."""
    async with place.worker(interval_seconds=0.1):
        assert (await place.result(await place.submit("effect a")))["success"]
        assert (await place.result(await place.submit("effect b")))["success"]


async def test_a_sick_worker_claims_nothing_and_says_so(place: Place):
    """No attempt is burnt; Athena hears what to do; it works once it is well again."""
    place.bench.set_health(ok=False, message="Sign in: claude /login")
    task_id = await place.submit("effect done")
    async with place.worker() as worker:

        async def sick() -> bool:
            page = await place.ask("GET", "/api/instances")
            health = [each["health"] for each in page["instances"]]
            return bool(health) and health[0].get("message") == "Sign in: claude /login"

        await until(sick)
        assert (await place.task(task_id))["attempt"] == 0
        place.bench.set_health(ok=True)
        worker.look_now()
        assert (await place.result(task_id))["success"]


async def test_a_worker_that_falls_sick_lets_running_tasks_finish(place: Place):
    """It drains itself: the poll under way is broken off as well."""
    running = await place.submit("effect begun", "wait go")
    async with place.worker(jobs=2) as worker:
        await place.does(f"{running} begun")
        place.bench.set_health(ok=False, message="no disk space")
        worker.look_now()
        await until(lambda: _state(place, "sick"))
        later = await place.submit("effect begun")
        place.bench.let("go")
        assert (await place.result(running))["success"]
        assert (await place.task(later))["status"] == "pending"


async def _state(place: Place, state: str) -> bool:
    from claude_task_client.worker import status

    told = status.read(place.bench.state)
    return told is not None and told.state == state


async def test_a_usage_limit_keeps_the_account_from_claiming(place: Place):
    """The task waits for the reset without a failure, the others in the queue; also after a
    restart. What needs no account goes on.
    """
    limited = await place.submit("limit 3600")
    other = await place.submit("effect claude")
    config = {"projects": ("app", "shell"), "executors": {"shell": ExecutorName.SHELL}}
    async with place.worker(config=config):
        parked = await place.reaches(limited, readiness="parked")
    async with place.worker(config=config):
        shell = await place.submit("effect shell", project="shell")
        assert (await place.result(shell))["success"]
        assert await _state(place, "limited") or await until(lambda: _state(place, "limited"))

    assert parked["failures"] == 0
    assert (await place.task(other))["attempt"] == 0


async def test_a_usage_limit_is_learned_from_another_worker(place: Place):
    """Of the same account: one that waits for tasks claims none from then on."""
    async with place.worker() as worker:
        assert (await place.result(await place.submit("effect one")))["success"]
        until_then = {"claude": {"until": (now() + timedelta(hours=1)).isoformat()}}
        (place.bench.folder / "limit.json").write_text(json.dumps(until_then))
        worker.look_now()
        await until(lambda: _state(place, "limited"))
        task_id = await place.submit("effect two")
        worker.look_now()
        await place.reaches(task_id, status="pending")

    assert f"{task_id} two" not in place.bench.effects


async def test_claude_signed_out_hands_the_task_back_and_claims_no_other(place: Place):
    """Else the whole queue would be claimed and handed back, over and over."""
    task_id = await place.submit("signed out")
    async with place.worker() as worker:
        await until(lambda: _state(place, "sick"))
        await place.reaches(task_id, status="pending", attempt=1, failures=0)
        await place.ask("PATCH", f"/api/tasks/{task_id}", {"description": "effect done"})
        worker.look_now()
        assert (await place.result(task_id))["success"]


async def test_a_failure_is_told_and_nothing_is_left(place: Place):
    """An attempt that failed is tried again by whoever; what it did is on its branch."""
    task_id = await place.submit("fail no luck")
    async with place.worker():
        task = await place.reaches(task_id, status="pending", failures=1)
        await place.is_tidy()

    assert task["error"] == "no luck"
    assert place.bench.effects == [f"rescued {task_id}"]
    (error_log,) = (place.bench.state / "logs").glob("*.error.log")
    assert error_log.read_text("utf-8").count("no luck") == 1
    assert f"#{task_id} attempt 1: failed; no luck" in error_log.read_text("utf-8")


async def test_a_bug_in_a_stage_fails_the_attempt_visibly(place: Place):
    """The worker lives on, and people read what happened."""
    task_id = await place.submit("break")
    async with place.worker():
        task = await place.reaches(task_id, failures=1)
        assert (await place.result(await place.submit("effect next")))["success"]

    assert "ValueError" in task["error"]
    assert "ValueError" in place.faults()


async def test_an_ending_that_is_too_large_is_cut_not_lost(place: Place):
    """Athena takes 256 KiB; the figures and the commit are worth more than the tail of a text."""
    task_id = await place.submit("notes 300000")
    async with place.worker():
        result = await place.result(task_id)

    assert result["success"]
    assert result["session_id"] == f"session-{task_id}"
    assert (await place.task(task_id))["notes"].endswith("(300000 characters)")


async def test_one_worker_for_each_state_folder(place: Place, tmp_path):
    """The second names the pid of the first; the lock goes with its holder."""
    with locking.held(place.bench.state):
        assert locking.holder(place.bench.state)
        with (
            pytest.raises(locking.AlreadyAtWork, match=r"pid \d+"),
            locking.held(place.bench.state),
        ):
            pass

    assert locking.holder(place.bench.state) is None
    with locking.held(place.bench.state):
        pass


async def test_what_it_does_stands_in_the_status_file(place: Place):
    """For `work status`, without asking Athena."""
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker():
        await place.does(f"{task_id} begun")
        await until(lambda: _state(place, "working"))
        place.bench.let("go")
        await until(lambda: _state(place, "idle"))
