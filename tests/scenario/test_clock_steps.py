"""I6, I15: somebody sets the wall clock by hours; leases go by the steady one and do not notice.

On PostgreSQL all replicas go by the clock of the database: here those of a replica are set.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from athena.app import App
from athena.settings import Settings
from tests.running import KEY
from tests.scenario.crowd import Crowd, crowd_of, until
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES, Engine, only_on

LEASE = 60
STEPS = [timedelta(hours=7), timedelta(hours=-7), timedelta(days=400), timedelta(days=-400)]


@asynccontextmanager
async def athena(
    folder: Path, clock: ManualClock, engine: Engine = ENGINES["sqlite"]
) -> AsyncIterator[Crowd]:
    """A whole Athena in this process, with clocks that the test moves."""
    settings = Settings(
        _env_file=None,
        port=0,
        database_url=engine.url(folder),
        api_key=SecretStr(KEY),
        rate_limit=0,
        discord_token=None,
    )
    app = App(settings, clock)
    await app.start()
    try:
        async with crowd_of(SimpleNamespace(url=app.url, key=KEY)) as crowd:
            yield crowd
    finally:
        await app.stop()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def claimed(crowd: Crowd) -> dict[str, Any]:
    await crowd.submit()
    task = await crowd.claim_next("pi", lease_seconds=LEASE)
    assert task is not None
    return dict(task)


async def status_of(crowd: Crowd, task: dict[str, Any]) -> str:
    return str((await crowd.ask("GET", f"/api/tasks/{task['id']}")).body["status"])


def is_(crowd: Crowd, task: dict[str, Any], status: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return await status_of(crowd, task) == status

    return holds


async def sweep_has_run(crowd: Crowd, clock: ManualClock) -> None:
    """Wait until the sweep has looked: it takes a task whose lease did run out."""
    await crowd.submit(description="canary")
    canary = await crowd.claim_next("canary", lease_seconds=1)
    assert canary is not None
    # On PostgreSQL its lease runs out by the clock on the wall.
    clock.run_steady(timedelta(seconds=2))
    await until(is_(crowd, canary, "pending"))
    assert (await crowd.ask("POST", f"/api/tasks/{canary['id']}/cancel")).status == 200


@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_a_step_of_the_wall_clock_frees_no_holder(
    tmp_path: Path, clock: ManualClock, step: timedelta
) -> None:
    """A holder within its lease keeps its task, wherever the wall clock is set."""
    async with athena(tmp_path, clock) as crowd:
        task = await claimed(crowd)

        clock.step_wall(step)
        await sweep_has_run(crowd, clock)

        assert await status_of(crowd, task) == "in_progress"
        beat = {"instance": "pi", "tasks": [{"id": task["id"], "attempt": task["attempt"]}]}
        answer = await crowd.ask("POST", "/api/instance/heartbeat", beat)
        assert answer.body["held"] == [task["id"]]
        assert (await crowd.complete(task, "pi")).status == 200


@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_a_step_of_the_wall_clock_keeps_no_silent_holder(
    tmp_path: Path, clock: ManualClock, step: timedelta
) -> None:
    """A holder that says nothing for its lease loses the task, wherever the wall clock is set."""
    async with athena(tmp_path, clock) as crowd:
        task = await claimed(crowd)

        clock.step_wall(step)
        clock.run_steady(timedelta(seconds=LEASE))

        await until(is_(crowd, task, "pending"))


@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_a_holder_that_beats_over_a_step_keeps_its_task(
    tmp_path: Path, clock: ManualClock, step: timedelta
) -> None:
    """Heartbeats renew by the steady clock: a task is held far beyond its first lease."""
    async with athena(tmp_path, clock) as crowd:
        task = await claimed(crowd)
        beat = {"instance": "pi", "tasks": [{"id": task["id"], "attempt": task["attempt"]}]}
        for _ in range(4):
            clock.run_steady(timedelta(seconds=LEASE - 10))
            assert (await crowd.ask("POST", "/api/instance/heartbeat", beat)).body["held"]
            clock.step_wall(step / 4)
            await sweep_has_run(crowd, clock)

        assert await status_of(crowd, task) == "in_progress"


async def test_after_a_start_every_holder_gets_one_fresh_lease(
    tmp_path: Path, clock: ManualClock
) -> None:
    """The steady clock begins anew with the machine: nobody is freed at once, nobody kept."""
    async with athena(tmp_path, clock) as crowd:
        task = await claimed(crowd)
    clock.restart()
    clock.step_wall(timedelta(hours=5))

    async with athena(tmp_path, clock) as crowd:
        await sweep_has_run(crowd, clock)
        assert await status_of(crowd, task) == "in_progress"

        clock.run_steady(timedelta(seconds=LEASE))
        await until(is_(crowd, task, "pending"))


async def test_events_stay_in_order_when_the_clock_goes_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    """I19: order is by id; a wall clock set back does not move an event before another."""
    async with athena(tmp_path, clock) as crowd:
        task = await claimed(crowd)
        clock.step_wall(timedelta(hours=-3))
        assert (await crowd.complete(task, "pi")).status == 200

        events = (await crowd.ask("GET", f"/api/tasks/{task['id']}/events")).body["events"]

    assert [event["type"] for event in events] == [
        "task.submitted",
        "task.claimed",
        "task.completed",
    ]
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)


async def test_a_task_is_due_by_the_wall_clock(tmp_path: Path, clock: ManualClock) -> None:
    """`not_before` is a time of day: setting the clock forward makes the task claimable."""
    async with athena(tmp_path, clock) as crowd:
        not_before = (clock.now() + timedelta(hours=2)).isoformat()
        await crowd.submit(not_before=not_before)
        assert await crowd.claim_next("pi") is None

        clock.step_wall(timedelta(hours=2))

        await until(lambda: crowd.claim_next("pi"))


@pytest.mark.slow
@only_on("postgres", "an only server goes by its own clock")
@pytest.mark.parametrize("step", STEPS, ids=str)
async def test_the_clocks_of_a_replica_count_for_nothing(
    tmp_path: Path, clock: ManualClock, engine: Engine, step: timedelta
) -> None:
    """Whatever time it is on the replica, leases and `not_before` go by the database."""
    async with athena(tmp_path, clock, engine) as crowd:
        task = await claimed(crowd)
        later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        await crowd.submit(not_before=later)

        clock.step_wall(step)
        clock.run_steady(timedelta(seconds=2 * LEASE))
        await sweep_has_run(crowd, clock)

        assert await status_of(crowd, task) == "in_progress"
        assert await crowd.claim_next("mac") is None
        done = await crowd.complete(task, "pi")
        assert done.status == 200
        ended = datetime.fromisoformat(done.body["completed_at"])
        assert abs(datetime.now(UTC) - ended) < timedelta(hours=1)
