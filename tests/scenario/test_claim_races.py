"""I1: sixty-four clients fight for the tasks; each task is held once, and none is lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import all_of, crowd_of
from tests.scenario.history import history_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CLIENTS = 64


def names() -> list[str]:
    return [f"racer-{number}" for number in range(CLIENTS)]


def judge(server: RunningServer, taken: list[int], wanted: list[int]) -> None:
    """Every wanted task was taken by one client, completed once, and the log says the same."""
    server.stop()
    history = history_of(server)
    history.check()
    assert Counter(taken) == Counter(wanted)
    for type_ in ("task.claimed", "task.completed"):
        assert history.count(type_) == Counter((task_id, 1) for task_id in wanted)
    assert {row["status"] for row in history.tasks.values()} == {"completed"}


async def test_each_task_is_given_once_when_all_ask_for_the_next(
    server: RunningServer, task_count: int
) -> None:
    """Claim-next gives a task to one of those who ask, and all tasks to somebody."""
    async with crowd_of(server) as crowd:
        wanted = await crowd.submit_many(task_count)

        async def work(name: str) -> list[int]:
            taken = []
            while task := await crowd.claim_next(name):
                taken.append(task["id"])
                assert (await crowd.complete(task, name)).status == 200
            return taken

        shares = await all_of(map(work, names()), seconds=800)

    judge(server, [task_id for share in shares for task_id in share], wanted)


async def test_each_task_is_given_once_to_long_polls_that_finish_as_they_ask(
    server: RunningServer, task_count: int
) -> None:
    """Pollers that wait for work get each task once, also where a claim ends the one before it."""
    taken: list[int] = []
    async with crowd_of(server) as crowd:

        async def work(name: str) -> None:
            finish: dict[str, Any] = {}
            while len(taken) < task_count or finish:
                wait = 1 if len(taken) < task_count else 0
                task = await crowd.claim_next(name, wait=wait, **finish)
                finish = {}
                if task is not None:
                    taken.append(task["id"])
                    finish = {"finish": {"id": task["id"], "attempt": task["attempt"]}}

        submitting = crowd.submit_many(task_count)
        *_, wanted = await all_of([*map(work, names()), submitting], seconds=800)

    judge(server, taken, wanted)


async def test_each_task_is_given_once_when_all_want_the_same_one(
    server: RunningServer, task_count: int
) -> None:
    """Of those who claim a task by its id one gets it, and the others are told that it is gone."""
    contested = task_count // 20
    async with crowd_of(server) as crowd:
        wanted = await crowd.submit_many(contested)
        heard: dict[int, list[tuple[int, str]]] = defaultdict(list)

        async def work(name: str) -> list[int]:
            taken = []
            for task_id in wanted:
                answer = await crowd.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": name})
                heard[task_id].append((answer.status, answer.body.get("code", "")))
                if answer.status == 200:
                    taken.append(task_id)
            for task_id in taken:
                done = await crowd.complete({"id": task_id, "attempt": 1}, name)
                assert done.status == 200
            return taken

        shares = await all_of(map(work, names()), seconds=800)

    judge(server, [task_id for share in shares for task_id in share], wanted)
    for answers in heard.values():
        refused = {answer for answer in answers if answer[0] != 200}
        assert refused <= {(409, "already_claimed"), (409, "invalid_transition")}


async def test_lanes_run_one_at_a_time_in_order(server: RunningServer, task_count: int) -> None:
    """However many ask, a lane has one task in progress, and goes in order of submission."""
    lanes = [f"lane-{number}" for number in range(16)]
    taken: list[int] = []
    async with crowd_of(server) as crowd:
        wanted = [
            await crowd.submit(lane=lanes[number % len(lanes)])
            for number in range(task_count // 10)
        ]

        async def work(name: str) -> None:
            while len(taken) < len(wanted):
                task = await crowd.claim_next(name, wait=1)
                if task is not None:
                    taken.append(task["id"])
                    assert (await crowd.complete(task, name)).status == 200

        await all_of(map(work, names()), seconds=800)

    judge(server, taken, wanted)
    history = history_of(server)
    busy: dict[str, int] = {}
    begun: dict[str, list[int]] = defaultdict(list)
    for event in history.events:
        if event.type not in {"task.claimed", "task.completed"}:
            continue
        assert event.task_id is not None
        lane = history.tasks[event.task_id]["lane"]
        if event.type == "task.claimed":
            assert lane not in busy
            busy[lane] = event.task_id
            begun[lane].append(event.task_id)
        else:
            assert busy.pop(lane) == event.task_id
    assert all(order == sorted(order) for order in begun.values())
