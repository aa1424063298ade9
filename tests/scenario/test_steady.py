"""I9, I17: the figures are right when the queue is quiet, and nothing grows with the requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import Crowd, all_of, crowd_of, until
from tests.store.engines import Engine

pytestmark = pytest.mark.slow

# Connections to the database that are opened when they are first needed, and kept.
POOLED = {"sqlite": 0, "postgres": 7}
STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")


async def everything(crowd: Crowd) -> list[dict[str, Any]]:
    """All tasks, page by page."""
    found: list[dict[str, Any]] = []
    for status in STATUSES:
        cursor = ""
        while True:
            path = f"/api/tasks?status={status}&limit=37{cursor}"
            page = (await crowd.ask("GET", path)).body
            found += page["tasks"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
    return found


async def live(crowd: Crowd, name: str, dice: random.Random) -> None:
    """One instance that does everything that can be done, at random."""
    for _ in range(40):
        await crowd.submit(priority=dice.choice(["urgent", "high", "medium", "low"]))
        task = await crowd.claim_next(name)
        if task is None:
            continue
        path, me = f"/api/tasks/{task['id']}", {"instance": name, "attempt": task["attempt"]}
        method, verb, body = dice.choice(
            [
                ("POST", "complete", me),
                ("POST", "complete", me),
                ("POST", "fail", {**me, "error": "broken"}),
                ("POST", "fail", {**me, "error": "broken", "retry": False}),
                ("POST", "release", me),
                ("POST", "park", {**me, "until": "2099-01-01T00:00:00Z"}),
                ("POST", "cancel", {}),
                ("PUT", "status", {**me, "phase": "testing"}),
            ]
        )
        assert (await crowd.ask(method, f"{path}/{verb}", body)).status == 200
        if verb == "cancel" and dice.random() < 0.5:
            assert (await crowd.ask("POST", f"{path}/retry")).status == 200
        if verb == "complete" and dice.random() < 0.2:
            assert (await crowd.ask("DELETE", path)).status == 204


async def test_the_figures_equal_the_lists(server: RunningServer) -> None:
    """After many have done everything, counts by status and priority are those of the lists."""
    async with crowd_of(server) as crowd:
        await all_of(live(crowd, f"i{n}", random.Random(n)) for n in range(16))

        tasks = await everything(crowd)
        stats = (await crowd.ask("GET", "/api/stats")).body
        metrics = server.ask("GET", "/metrics").body.decode()

    by_status = Counter(task["status"] for task in tasks)
    assert len({task["id"] for task in tasks}) == len(tasks)
    assert stats["by_status"] == {status: by_status[status] for status in STATUSES}
    pending = Counter(task["priority"] for task in tasks if task["status"] == "pending")
    assert Counter(stats["by_priority"]) == pending
    for status in STATUSES:
        assert f'athena_tasks{{status="{status}"}} {by_status[status]}.0\n' in metrics


async def ask_everything(server: RunningServer, count: int) -> None:
    """Ten requests of all kinds, `count` times; then the crowd goes home."""
    async with crowd_of(server) as crowd:
        few = asyncio.Semaphore(32)

        async def one(number: int) -> None:
            async with few:
                await crowd.ask("GET", "/api/tasks/1")
                await crowd.ask("GET", f"/api/tasks/{number + 10_000}")
                await crowd.ask("GET", f"/nowhere/{number}")
                await crowd.ask("POST", "/api/tasks", {f"field{number}": number})
                await crowd.ask("POST", "/api/tasks/1/claim", {"instance": "pi"})
                await crowd.ask("GET", "/api/tasks", headers={"X-API-Key": f"wrong {number}"})
                await crowd.ask("BREW", f"/api/tasks?pot={number}")
                await crowd.ask("GET", f"/api/tasks/next?instance=pi&labels=l{number}")
                await crowd.ask("GET", f"/api/events?after={number}", headers=JSON)
                await crowd.ask("POST", "/api/claim", {"instance": "pi"})

        await all_of(one(number) for number in range(count))


async def test_ten_thousand_requests_leave_memory_and_descriptors_as_they_were(
    server: RunningServer, engine: Engine, is_full: bool
) -> None:
    """What requests use is given back: no growth with their number, errors included."""
    server.ask("POST", "/api/tasks", {"description": "a task"})
    fresh = figures(server)
    await ask_everything(server, 300)
    before = figures(server)

    await ask_everything(server, 10_000 if is_full else 1_000)

    bound = fresh["descriptors"] + POOLED[engine.name]
    await until(lambda: figures(server)["descriptors"] <= bound)
    after = figures(server)
    assert after["threads"] <= before["threads"]
    assert after["memory_kib"] - before["memory_kib"] < 8_000


JSON = {"Accept": "application/json"}


def figures(server: RunningServer) -> dict[str, int]:
    assert server.process is not None
    folder = Path(f"/proc/{server.process.pid}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    return {
        "descriptors": sum(1 for _ in (folder / "fd").iterdir()),
        "threads": int(status["Threads"]),
        "memory_kib": int(status["VmRSS"].split()[0]),
    }
