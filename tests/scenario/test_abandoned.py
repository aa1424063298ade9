"""I17, I18: clients that leave without a word take nothing with them and leave nothing behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import Crowd, all_of, crowd_of, until
from tests.scenario.history import history_of
from tests.scenario.wire import Line, held_still, request_bytes
from tests.store.engines import mostly_on

pytestmark = pytest.mark.slow

FIN, RST = "FIN", "RST"


def leave(line: Line, how: str) -> None:
    line.hang_up() if how == FIN else line.break_off()


def descriptors(server: RunningServer) -> int:
    assert server.process is not None
    return sum(1 for _ in Path(f"/proc/{server.process.pid}/fd").iterdir())


def threads(server: RunningServer) -> int:
    assert server.process is not None
    return sum(1 for _ in Path(f"/proc/{server.process.pid}/task").iterdir())


def poll(server: RunningServer, instance: str) -> bytes:
    return request_bytes(server, "POST", "/api/claim", {"instance": instance, "wait": 60})


async def nobody_holds_anything(crowd: Crowd) -> bool:
    answer = await crowd.ask("GET", "/api/tasks?status=in_progress")
    return not answer.body["tasks"]


def instances_are(crowd: Crowd, count: int) -> Callable[[], Awaitable[bool]]:
    """Whether so many instances have asked: their requests have arrived."""

    async def holds() -> bool:
        answer = await crowd.ask("GET", "/api/instances")
        return len(answer.body["instances"]) >= count

    return holds


@pytest.mark.parametrize("how", [FIN, RST])
async def test_pollers_that_vanished_take_no_task(server: RunningServer, how: str) -> None:
    """Tasks that come after thirty pollers have gone all go to the one who is still there."""
    async with crowd_of(server) as crowd:
        lines = [Line(server) for _ in range(30)]
        for number, line in enumerate(lines):
            line.send(poll(server, f"ghost-{number}"))
        await until(instances_are(crowd, 30))

        for line in lines:
            leave(line, how)
        wanted = await crowd.submit_many(30)
        taken: set[int] = set()
        while len(taken) < 30:
            task = await crowd.claim_next("alive", wait=30)
            assert task is not None, "a ghost holds a task"
            taken.add(task["id"])

        assert taken == set(wanted)


@pytest.mark.parametrize("how", [FIN, RST])
@pytest.mark.parametrize("path", ["/api/claim", "/api/tasks/{}/claim"])
async def test_a_claim_whose_claimer_left_before_the_answer_is_released(
    server: RunningServer, path: str, how: str
) -> None:
    """Whoever asks and is gone before the answer holds nothing a moment later."""
    async with crowd_of(server) as crowd:
        ids = await crowd.submit_many(100)
        # All of this happens while the server is held, so that it finds nobody there.
        with held_still(server):
            for task_id in ids:
                line = Line(server)
                ask = {"instance": f"hasty-{task_id}"}
                line.send(request_bytes(server, "POST", path.format(task_id), ask))
                leave(line, how)
        await until(instances_are(crowd, 100 if how == FIN else 0))

        await until(lambda: nobody_holds_anything(crowd))

    assert server.stop() == 0
    history = history_of(server)
    history.check()
    assert history.count("task.claimed") == history.count("task.released")
    assert {row["status"] for row in history.tasks.values()} == {"pending"}
    assert {row["failures"] for row in history.tasks.values()} == {0}


async def test_pollers_that_were_killed_take_no_task(server: RunningServer) -> None:
    """Kill -9 of a client is noticed like any other leaving."""
    script = (
        "import sys, http.client\n"
        "line = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))\n"
        "line.request('POST', '/api/claim', sys.argv[3], {'X-API-Key': sys.argv[2],"
        " 'Content-Type': 'application/json'})\n"
        "line.getresponse().read()\n"
    )
    body = '{"instance": "doomed", "wait": 60}'
    command = [sys.executable, "-c", script, str(server.port), server.key, body]
    async with crowd_of(server) as crowd:
        client = await asyncio.create_subprocess_exec(*command)
        await until(instances_are(crowd, 1))
        client.kill()
        await client.wait()

        task_id = await crowd.submit()
        task = await crowd.claim_next("alive", wait=30)

    assert task is not None
    assert task["id"] == task_id


@mostly_on("sqlite", "it is about connections, not about what is stored")
@pytest.mark.parametrize("how", [FIN, RST])
async def test_abandoned_streams_leave_nothing_behind(server: RunningServer, how: str) -> None:
    """Two hundred streams are opened and left; descriptors, threads and streams go back."""
    async with crowd_of(server) as crowd:
        await crowd.submit()
        before, threads_before = descriptors(server), threads(server)
        for _ in range(10):
            lines = [Line(server) for _ in range(20)]
            for line in lines:
                line.send(request_bytes(server, "GET", "/api/events"))
                assert b"200 OK" in line.read_some()
            for line in lines:
                leave(line, how)
            # What the next ones would find, were these still counted against the key's limit.
            await crowd.submit()

        await until(lambda: descriptors(server) <= before)
        assert threads(server) <= threads_before

        async def none_is_open() -> bool:
            metrics = server.ask("GET", "/metrics").body
            return b"athena_event_streams 0.0" in metrics

        await until(none_is_open)


@mostly_on("sqlite", "events are read page by page from either")
async def test_a_stream_that_nobody_reads_does_not_grow_the_server(server: RunningServer) -> None:
    """For a listener that stops reading, events wait in the store and not in memory."""
    async with crowd_of(server) as crowd:
        await crowd.submit()
        task = await crowd.claim_next("pi")
        assert task is not None
        deaf = [Line(server, receive_bytes=4_096) for _ in range(30)]
        for line in deaf:
            line.send(request_bytes(server, "GET", "/api/events"))
            assert b"200 OK" in line.read_some()
        before = memory_kib(server)

        told = {"instance": "pi", "progress": {"message": "\N{SNOWMAN}" * 2_000}}
        few = asyncio.Semaphore(8)

        async def tell() -> None:
            async with few:
                answer = await crowd.ask("PUT", f"/api/tasks/{task['id']}/status", told)
                assert answer.status == 200

        await all_of(tell() for _ in range(1_500))

        # All of it for all of them would be 270 MB.
        assert memory_kib(server) - before < 60_000
        for line in deaf:
            line.break_off()


def memory_kib(server: RunningServer) -> int:
    assert server.process is not None
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no figure for the memory")


@pytest.mark.parametrize("how", [FIN, RST])
async def test_a_request_whose_client_left_happened_wholly_or_not_at_all(
    server: RunningServer, how: str
) -> None:
    """I18: half a body is no request, a whole one is carried out, and nothing stays locked."""
    async with crowd_of(server) as crowd:
        for number in range(100):
            whole = request_bytes(server, "POST", "/api/tasks", {"description": f"{number}"})
            line = Line(server)
            line.send(whole[: len(whole) - number % 3])
            leave(line, how)
        last = await crowd.submit(description="still writing")

        async def all_are_settled() -> bool:
            return descriptors(server) <= 30

        await until(all_are_settled)
        answer = await crowd.ask("GET", "/api/tasks?limit=500")

    texts = [task["description"] for task in answer.body["tasks"]]
    assert all(int(text) % 3 == 0 for text in texts if text != "still writing")
    assert len(texts) == len(set(texts))
    assert last in [task["id"] for task in answer.body["tasks"]]
    assert b"Traceback" not in server.log.read_bytes()
