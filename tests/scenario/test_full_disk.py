"""I14: the disk is full, or may not be written, and is not any more; no restart is needed."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.running import Answer, RunningServer
from tests.scenario.crowd import all_of, crowd_of, until
from tests.scenario.history import history_of
from tests.store.engines import only_on

pytestmark = [
    pytest.mark.slow,
    only_on("sqlite", "the disk of PostgreSQL is its own affair; see test_database_outage.py"),
]

# Below the second page of any file of SQLite's: no commit fits, while the log file still grows.
_TOO_LITTLE = 4_096


@contextmanager
def full_disk(server: RunningServer) -> Iterator[None]:
    """Every write beyond the first few KiB of a file fails, as on a full disk, root or not."""
    assert server.process is not None
    pid, before = server.process.pid, resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_TOO_LITTLE, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def submit(server: RunningServer, text: str = "a task") -> Answer:
    return server.ask("POST", "/api/tasks", {"description": text})


def until_refused(server: RunningServer) -> None:
    """Write until nothing more fits into what SQLite has of the disk already."""
    for _ in range(10):
        if submit(server).status == 503:
            return
    raise AssertionError("the disk does not get full")


def test_writes_are_refused_and_all_else_goes_on(server: RunningServer) -> None:
    """A write that cannot be kept is answered 503 and a time; reads work, and Athena is alive."""
    kept = submit(server).body
    held = server.ask("POST", "/api/claim", {"instance": "pi"}).body

    with full_disk(server):
        until_refused(server)
        refused = [
            submit(server),
            server.ask("POST", "/api/claim", {"instance": "mac", "wait": 1}),
            server.ask("POST", f"/api/tasks/{held['id']}/complete", {"instance": "pi"}),
            server.ask("POST", "/api/instance/heartbeat", {"instance": "mac"}),
            server.ask("DELETE", f"/api/tasks/{kept['id']}"),
            server.ask("POST", "/api/keys", {"name": "x", "scopes": ["read"]}),
        ]
        health, ready = server.ask("GET", "/health"), server.ask("GET", "/ready")
        shown = server.ask("GET", f"/api/tasks/{kept['id']}")
        listed = server.ask("GET", "/api/tasks?status=all")
        counted = server.ask("GET", "/api/stats")

    for answer in refused:
        assert answer.status in {503, 409}, answer
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    unavailable = [answer for answer in refused if answer.status == 503]
    assert len(unavailable) >= 4
    for answer in unavailable:
        assert answer.body["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    assert health.status == 200
    assert health.body["database"] == "unavailable"
    assert health.body["status"] == "degraded"
    assert ready.status == 503
    assert shown.body["status"] == "in_progress"
    assert (listed.status, counted.status) == (200, 200)


def test_it_goes_on_by_itself_once_there_is_space(server: RunningServer) -> None:
    """Nothing acknowledged is lost, nothing refused was done, and no restart is needed."""
    before = [submit(server).body["id"] for _ in range(5)]
    with full_disk(server):
        until_refused(server)
        assert submit(server, "refused").status == 503

    after = submit(server)
    assert after.status == 201
    assert server.ask("GET", "/ready").status == 200
    assert server.ask("GET", "/health").body["status"] == "ok"
    done = server.ask("POST", "/api/claim", {"instance": "pi"}).body
    assert done["id"] == before[0]

    server.stop()
    history = history_of(server)
    history.check()
    texts = [row["description"] for row in history.tasks.values()]
    assert "refused" not in texts
    assert {*before, after.body["id"]} <= history.tasks.keys()
    assert b"Traceback" not in server.log.read_bytes()


async def test_a_disk_that_fills_up_under_load_costs_no_acknowledged_write(
    server: RunningServer,
) -> None:
    """Many write while the disk fills up and is freed, again and again; each is told the truth."""
    told: dict[str, int] = {}
    refused: set[str] = set()
    async with crowd_of(server) as crowd:
        is_over = False

        async def work(name: str) -> None:
            number = 0
            while not is_over:
                number += 1
                text = f"{name}-{number}"
                answer = await crowd.ask("POST", "/api/tasks", {"description": text})
                if answer.status == 201:
                    told[text] = answer.body["id"]
                else:
                    assert (answer.status, answer.body["code"]) == (503, "unavailable")
                    refused.add(text)

        async def fill_and_free() -> None:
            nonlocal is_over
            for _ in range(8):
                goal = len(refused) + 100
                with full_disk(server):
                    await until(lambda goal=goal: len(refused) >= goal)
                goal = len(told) + 50
                await until(lambda goal=goal: len(told) >= goal)
            is_over = True

        await all_of([*(work(f"w{number}") for number in range(16)), fill_and_free()])

    server.kill()
    history = history_of(server)
    history.check()
    assert {row["description"]: i for i, row in history.tasks.items()} == told
