"""A worker that is killed with -9, in every stage and at any moment: each task ends once."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.discord import DiscordStandIn
from tests.fakes.model import Hold, Say, ScriptedModel
from tests.running import RunningServer
from tests.scenario.worker.workshop import Workshop, eventually, writes

# Many lives of a worker, each of which takes its time on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STAGES = ("checkpoint", "implement", "nudge", "audit", "test", "commit", "publish", "report")
_TRIES = 4


def _stage_of(workshop: Workshop, task_id: int) -> str | None:
    record = workshop.state / "jobs" / str(task_id) / "record.json"
    try:
        told = json.loads(record.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return "told" if told["ending"] else str(told["stage"])


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_a_stage(workshop: Workshop, stage: str):
    """Whatever it was at, the next worker goes on from there: one end, one commit, one push.

    Some stages last less than a millisecond: then it is killed as near to it as a kill gets.
    """
    workshop.project = {"push": True}
    slow_test = f"{sys.executable} -c 'import time; time.sleep(0.5)'"
    if stage == "test":
        workshop.project["test_command"] = slow_test
    steps = [writes("window.py", "x = 1\n"), Say("Done.")]
    workshop.script("window", *[steps] * 5)

    for _ in range(_TRIES):
        task_id = workshop.add("window")
        worker = workshop.work()
        _watch(workshop, task_id, stage)
        worker.kill()
        worker.wait()
        hit = _stage_of(workshop, task_id) == stage
        eventually(lambda: not workshop.runs(), what="no process outlives its worker")
        workshop.work("--once")
        _check_done_once(workshop, task_id)
        if hit:
            break
    workshop.check_nothing_is_left()


def _watch(workshop: Workshop, task_id: int, stage: str) -> None:
    """Until the task is in this stage, or already past it."""
    deadline, was_there = time.monotonic() + 90, False
    while True:
        now = _stage_of(workshop, task_id)
        if now in {stage, "told"} or (was_there and now is None):
            return
        was_there = now is not None
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def _check_done_once(workshop: Workshop, task_id: int) -> None:
    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert task["failures"] == 0
    assert workshop.events(task_id).count("task.completed") == 1
    branch = task["result"]["branch"]
    assert workshop.git("rev-list", "--count", f"main..{branch}") == "1"
    assert workshop.git("rev-parse", branch, folder=workshop.origin) == task["result"]["commit"]


def test_killed_at_random_moments(workshop: Workshop):
    """Many tasks, several at once, many kills: each ends exactly once, with one commit and push."""
    _work_and_kill(workshop, tasks=6, kills=8)


@pytest.mark.full
@pytest.mark.timeout(1500)
async def test_killed_at_fifty_random_moments(
    start_server: Callable[..., RunningServer], tmp_path: Path
):
    """Twenty tasks and more: each ends once, is committed, pushed, and told on Discord once."""
    async with DiscordStandIn() as discord:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        server = await asyncio.to_thread(lambda: start_server(**own))
        await discord.wait_ready("task", timeout_seconds=60)
        with ScriptedModel() as model:
            workshop = Workshop(tmp_path / "place", server, model)
            try:
                ids = await asyncio.to_thread(_work_and_kill, workshop, tasks=20, kills=50)
            finally:
                await asyncio.to_thread(workshop.end)
        for task_id in ids:
            await discord.wait_for_message(f"Task #{task_id} completed", timeout_seconds=120)
        said = [message.text for message in discord.state.messages]
        for task_id in ids:
            assert sum(f"Task #{task_id} completed" in text for text in said) == 1
            assert sum(f"Task #{task_id} ·" in text for text in said) == 1
        assert discord.violations == []


def _work_and_kill(workshop: Workshop, *, tasks: int, kills: int) -> list[int]:
    """Kill the worker at random moments while it works; then let it finish. The tasks' ids."""
    workshop.worker_keys = {"jobs": 4}
    workshop.project = {"push": True}
    turn = [writes("window.py", "x = 1\n"), Say("Done.")]
    workshop.script("window", *[turn] * 100)
    ids = [workshop.add("window", max_attempts=100) for _ in range(tasks)]
    dice = random.Random(20_261_122)
    for _ in range(kills):
        worker = workshop.work()
        time.sleep(dice.uniform(0.3, 4.0))
        worker.kill()
        worker.wait()
        if all(workshop.task(i)["status"] == "completed" for i in ids):
            # The rest of the kills hit work as well.
            ids += [workshop.add("window", max_attempts=100) for _ in range(4)]
    workshop.work()
    for task_id in ids:
        task = workshop.ended(task_id, seconds=240)
        assert task["status"] == "completed", workshop.story(task_id)
        told = workshop.events(task_id)
        assert told.count("task.completed") == 1
        branch = task["result"]["branch"]
        assert workshop.git("rev-list", "--count", f"main..{branch}") == "1"
        assert workshop.git("rev-parse", branch, folder=workshop.origin) == task["result"]["commit"]
    workshop.check_nothing_is_left()
    return ids


def test_killed_while_claude_works(workshop: Workshop, tmp_path: Path):
    """No process outlives the worker; the same attempt goes on, and what was done is there."""
    workshop.script(
        "window",
        [writes("a.py", "x = 1\n"), Hold("never", Say("Done."))],
        [writes("b.py", "y = 1\n"), Say("Done.")],
    )
    task_id = workshop.add("window")
    worker = workshop.work()
    eventually(lambda: len(workshop.model.requests_of("window")) >= 2, what="it works")

    worker.kill()
    worker.wait()

    eventually(lambda: not workshop.runs(), what="no process outlives its worker")
    workshop.work("--once")
    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert task["attempt"] == 1
    changed = workshop.git("diff", "--name-only", "main", task["result"]["branch"]).split()
    assert changed == ["a.py", "b.py"]
    workshop.check_nothing_is_left()
