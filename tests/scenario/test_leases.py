"""I3, I6, I20: leases of one second, over real time and real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import Crowd, all_of, crowd_of, until
from tests.scenario.history import history_of

pytestmark = pytest.mark.slow


@pytest.fixture
async def crowd(server: RunningServer) -> AsyncIterator[Crowd]:
    async with crowd_of(server) as crowd:
        yield crowd


async def held(crowd: Crowd, *, lease_seconds: float = 1, **fields: Any) -> dict[str, Any]:
    # By its id: the next one may be another whose lease has run out by now.
    task_id = await crowd.submit(**fields)
    body = {"instance": "pi", "lease_seconds": lease_seconds}
    answer = await crowd.ask("POST", f"/api/tasks/{task_id}/claim", body)
    assert answer.status == 200, answer
    return dict(answer.body)


def is_(crowd: Crowd, task: dict[str, Any], status: str) -> Callable[[], Awaitable[Any]]:
    async def look() -> Any:
        found = (await crowd.ask("GET", f"/api/tasks/{task['id']}")).body
        return found if found["status"] == status else None

    return look


async def events_of(crowd: Crowd, task: dict[str, Any]) -> list[str]:
    answer = await crowd.ask("GET", f"/api/tasks/{task['id']}/events")
    return [event["type"] for event in answer.body["events"]]


async def test_a_poll_gets_the_task_of_a_silent_holder(crowd: Crowd) -> None:
    """A lease that runs out makes the task pending, and wakes who waits for work."""
    task = await held(crowd)

    again = await crowd.claim_next("mac", wait=30)

    assert (again["id"], again["attempt"], again["failures"]) == (task["id"], 2, 1)
    late = await crowd.complete(task, "pi")
    assert (late.status, late.body["code"]) == (409, "not_holder")


async def test_a_lease_does_not_end_before_its_time(crowd: Crowd) -> None:
    """By the server's own word, the expiry comes no sooner than the lease it gave."""
    task = await held(crowd)

    await until(is_(crowd, task, "pending"))

    answer = await crowd.ask("GET", f"/api/tasks/{task['id']}/events")
    expired = next(e for e in answer.body["events"] if e["type"] == "task.expired")
    assert expired["at"] >= task["lease_expires_at"]


@pytest.mark.parametrize("way", ["heartbeat", "task heartbeat", "progress", "claim again"])
async def test_every_sign_of_life_renews_the_lease(crowd: Crowd, way: str) -> None:
    """Each way to say "still here" holds the task, while one who is silent loses his."""
    task = await held(crowd, lease_seconds=5)
    path = f"/api/tasks/{task['id']}"
    me = {"instance": "pi", "attempt": task["attempt"]}
    signs: dict[str, tuple[str, str, dict[str, Any]]] = {
        "heartbeat": (
            "POST",
            "/api/instance/heartbeat",
            {"instance": "pi", "tasks": [{"id": task["id"], "attempt": task["attempt"]}]},
        ),
        "task heartbeat": ("POST", f"{path}/heartbeat", me),
        "progress": ("PUT", f"{path}/status", {**me, "progress": {"percent": 1}}),
        "claim again": ("POST", f"{path}/claim", {"instance": "pi", "lease_seconds": 5}),
    }

    # Time is measured in the leases of others: five of them run out one after the other.
    for _ in range(5):
        await crowd.submit(priority="urgent")
        silent = await crowd.claim_next("silent", lease_seconds=1)
        assert silent is not None

        async def silent_one_is_freed(silent: dict[str, Any] = silent) -> Any:
            assert (await crowd.ask(*signs[way])).status == 200
            return await is_(crowd, silent, "pending")()

        await until(silent_one_is_freed)
        await crowd.ask("POST", f"/api/tasks/{silent['id']}/cancel")

    assert "task.expired" not in await events_of(crowd, task)
    assert (await crowd.complete(task, "pi")).status == 200


async def test_a_task_that_expires_too_often_fails_visibly(
    crowd: Crowd, server: RunningServer
) -> None:
    """After `max_attempts` leases that ran out the task is failed, with its event and reason."""
    task = await held(crowd, max_attempts=2)
    assert (await crowd.claim_next("mac", wait=30, lease_seconds=1))["id"] == task["id"]

    failed = await until(is_(crowd, task, "failed"))

    assert failed["failures"] == 2
    assert "mac" in failed["error"]
    assert (await events_of(crowd, task))[-1] == "task.failed"
    shown = await crowd.ask("GET", "/api/tasks?status=failed")
    assert [t["id"] for t in shown.body["tasks"]] == [task["id"]]
    server.stop()
    history_of(server).check()


@pytest.mark.parametrize("max_attempts", [1, 3])
async def test_late_work_counts_while_nobody_else_has_claimed(
    crowd: Crowd, max_attempts: int
) -> None:
    """A holder whose lease ran out still completes, even where this very expiry failed the task."""
    task = await held(crowd, max_attempts=max_attempts)
    await until(is_(crowd, task, "failed" if max_attempts == 1 else "pending"))

    done = await crowd.complete(task, "pi")
    again = await crowd.complete(task, "pi")

    assert (done.status, done.body["status"]) == (200, "completed")
    assert again.body == done.body
    assert (await events_of(crowd, task)).count("task.completed") == 1
    assert await crowd.claim_next("mac") is None


async def test_of_a_late_completion_and_a_new_claim_one_wins(
    crowd: Crowd, server: RunningServer
) -> None:
    """When both come at once, the task ends once: never completed by one and held by the other."""
    tasks = [await held(crowd) for _ in range(20)]
    for task in tasks:
        await until(is_(crowd, task, "pending"))

    answers = await all_of(
        act
        for task in tasks
        for act in (
            crowd.complete(task, "pi"),
            crowd.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": "mac"}),
        )
    )

    for done, claimed in zip(answers[::2], answers[1::2], strict=True):
        assert sorted((done.status, claimed.status)) == [200, 409]
    server.stop()
    history_of(server).check()
