"""Connections that misbehave: too many, too slow, gone, or broken in the middle."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from athena.api import connection, reply
from athena.model.errors import Unavailable
from tests.api.driver import ADMIN, DEADLINE_SECONDS, ApiDriver, until
from tests.api.raw import request

JSON = "Content-Type: application/json"


def connections_of(api: ApiDriver) -> int:
    runner = api.api._runner
    assert runner is not None
    assert runner.server is not None
    return len(runner.server.connections)


async def test_connections_are_bounded(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """Where there are too many, the one that has been silent longest makes room."""
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 2)
    first = await asyncio.open_connection("127.0.0.1", api.port)
    second = await asyncio.open_connection("127.0.0.1", api.port)
    await until(lambda: connections_of(api) == 2)

    third = await asyncio.open_connection("127.0.0.1", api.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await first[0].readexactly(1)

    for reader, writer in (second, third):
        writer.write(request("GET", "/health"))
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
    first[1].close()
    await until(lambda: connections_of(api) == 0)


async def test_connections_at_work_are_not_cut_for_others(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """Where all wait for an answer, one too many is closed at once."""
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 1)
    task = await api.submitted()
    poll, working = await asyncio.open_connection("127.0.0.1", api.port)
    working.write(request("GET", f"/api/tasks/{task['id']}/result?wait=60", key=ADMIN))
    await until(lambda: connections_of(api) == 1)
    await until(lambda: bool(api.services.tasks._feed._watches))

    reader, closed = await asyncio.open_connection("127.0.0.1", api.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    closed.close()

    monkeypatch.undo()
    assert (await api.ask("POST", f"/api/tasks/{task['id']}/cancel")).status == 200
    assert (await poll.readline()).startswith(b"HTTP/1.1 200 ")
    working.close()


async def test_a_body_that_breaks_after_its_refusal_is_no_traceback(
    api: ApiDriver, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    """It was refused for its key; what comes then is read, and broken."""
    head = request("POST", "/api/tasks", headers=(JSON, "Transfer-Encoding: chunked"), close=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    with caplog.at_level(logging.DEBUG):
        writer.write(head)
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
        writer.write(b"canary4711\r\n")
        await reader.read()

    logged = caplog.text + capsys.readouterr().out
    assert "Traceback" not in logged
    assert "canary4711" not in logged
    writer.close()


async def test_a_slow_reader_gets_all_of_it(api: ApiDriver):
    """However long the answer, and however late it is read."""
    task = await api.submitted(description="x" * 20_000)
    more = [await api.submitted(description="y" * 20_000) for _ in range(120)]
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1_024)
    writer.write(request("GET", "/api/tasks?limit=500", key=ADMIN))
    await reader.readline()

    got = await reader.read()

    listed = json.loads(got.partition(b"\r\n\r\n")[2])["tasks"]
    assert listed == [task, *more]
    writer.close()


async def test_one_who_never_reads_is_let_go(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """An answer that nobody takes is not kept for ever."""
    monkeypatch.setattr(reply, "_WRITE_SECONDS_MAX", 0.05)
    for _ in range(120):
        await api.submitted(description="y" * 20_000)
    _, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1_024)
    before = connections_of(api)

    for _ in range(20):
        writer.write(request("GET", "/api/tasks?limit=500", key=ADMIN, close=False))

    await until(lambda: connections_of(api) < before)
    writer.close()


async def test_a_claim_that_cannot_be_given_back_runs_out(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The store is away just when the client has gone too: a line in the log, and the lease."""
    task = await api.submitted()
    claims = type(api.services.claims)
    claim = claims.claim

    async def claim_and_lose(self: object, *args: object, **kwargs: object) -> object:
        claimed = await claim(self, *args, **kwargs)  # type: ignore[arg-type]
        runner = api.api._runner
        assert runner is not None
        assert runner.server is not None
        for one in runner.server.connections:
            one.force_close()
        return claimed

    async def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(claims, "claim", claim_and_lose)
    monkeypatch.setattr(claims, "undo", away)
    path = f"/api/tasks/{task['id']}/claim"
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(request("POST", path, b'{"instance": "pi"}', key=ADMIN, headers=(JSON,)))

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await reader.read() == b""

    assert await api.status_of(task) == "in_progress"
    assert "could not be given back" in capsys.readouterr().out
    writer.close()


async def test_pipelined_requests_are_answered_in_order(api: ApiDriver):
    """Also where the first one takes longer than the second."""
    body = b'{"instance": "pi", "wait": 0.05}'
    slow = request("POST", "/api/claim", body, key=ADMIN, headers=(JSON,), close=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)

    writer.write(slow + request("GET", "/health"))

    text = await reader.read()
    assert text.index(b"HTTP/1.1 204") < text.index(b"HTTP/1.1 200")
    writer.close()


async def test_more_requests_than_aiohttp_takes_at_once_are_all_answered(api: ApiDriver):
    """It stops reading after 32 requests, and goes on when they are answered."""
    body = b'{"instance": "pi"}'
    claim = request("POST", "/api/claim", body, key=ADMIN, headers=(JSON,), close=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)

    writer.write(claim * 100 + request("GET", "/health"))

    async with asyncio.timeout(DEADLINE_SECONDS):
        text = await reader.read()
    assert text.count(b"HTTP/1.1 204") == 100
    assert text.count(b"HTTP/1.1 200") == 1
    writer.close()


async def test_connection_outlives_a_body_that_was_far_too_large(api: ApiDriver):
    """Reading stops where much has come and goes on until all of it is gone."""
    body = b" " * 3_000_000
    refused = request("POST", "/api/claim", body, key=ADMIN, headers=(JSON,), close=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)

    writer.write(refused + request("GET", "/health"))

    async with asyncio.timeout(DEADLINE_SECONDS):
        text = await reader.read()
    assert text.index(b"HTTP/1.1 413") < text.index(b"HTTP/1.1 200")
    writer.close()


async def test_requests_that_run_are_answered_before_the_end(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """A stop cuts nothing off that takes less than its grace."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    stats = type(api.services.stats)
    read = stats.read

    async def slow(self: object) -> object:
        begun.set()
        await may_end.wait()
        return await read(self)  # type: ignore[arg-type]

    monkeypatch.setattr(stats, "read", slow)
    asked = asyncio.create_task(api.ask("GET", "/api/stats"))
    await begun.wait()

    stopping = asyncio.create_task(api.api.stop())
    await until(lambda: api.services.feed.stopping)
    may_end.set()

    assert (await asked).status == 200
    await stopping


async def test_half_a_request_does_not_hold_up_the_stop(api: ApiDriver):
    """Nor do connections that wait for nothing."""
    idle = await asyncio.open_connection("127.0.0.1", api.port)
    half = await asyncio.open_connection("127.0.0.1", api.port)
    half[1].write(b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Le")
    await until(lambda: connections_of(api) == 2)

    async with asyncio.timeout(20):
        await api.api.stop()

    for reader, writer in (idle, half):
        assert await reader.read() == b""
        writer.close()
