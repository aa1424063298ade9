"""A transcript that is written and followed while servers are killed: each line once, in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from tests.running import RunningServer
from tests.scenario.crowd import until
from tests.store.engines import only_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DEADLINE_SECONDS = 240.0
LINES = 1_500
GONE = (aiohttp.ClientError, OSError, TimeoutError)


async def lines_of(
    session: aiohttp.ClientSession, server: RunningServer, last: str
) -> AsyncIterator[tuple[str, str, str]]:
    """The frames of one connection: id, event and data, as far as they came whole."""
    url, headers = f"{server.url}/api/tasks/1/log?follow=true", {"X-API-Key": server.key}
    async with session.get(url, headers={**headers, "Last-Event-ID": last}) as response:
        assert response.status in {200, 503}
        frame: dict[str, str] = {}
        async for content in response.content:
            if content == b"\n":
                yield frame.get("id", ""), frame.get("event", ""), frame.get("data", "")
                frame = {}
            name, _, value = content.decode().rstrip("\n").partition(": ")
            frame[name] = value


async def follow(session: aiohttp.ClientSession, servers: list[RunningServer]) -> list[str]:
    """All texts, over whatever connections it takes, until the end."""
    last, texts, ids = "0", list[str](), list[int]()
    while True:
        try:
            async for id_, event, data in lines_of(session, random.choice(servers), last):
                if event == "end":
                    assert ids == list(range(1, len(ids) + 1))
                    return texts
                if event == "line":
                    last = id_
                    ids.append(int(id_))
                    texts.append(json.loads(data)["text"])
        except GONE:
            await asyncio.sleep(0.01)


async def ask(
    session: aiohttp.ClientSession, servers: list[RunningServer], path: str, body: object
) -> dict[str, object]:
    """The answer of whichever server is there; every request here may be repeated."""
    while True:
        server = random.choice(servers)
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with session.post(
                server.url + path, json=body, headers={"X-API-Key": server.key}, timeout=timeout
            ) as response:
                answer = await response.json()
                if response.status != 503:
                    assert response.status < 400, answer
                    return dict(answer)
        except GONE:
            await asyncio.sleep(0.01)


async def record(
    session: aiohttp.ClientSession, servers: list[RunningServer], told: list[range]
) -> None:
    """Append all lines in batches of any size, as a worker with an outbox does; then end."""
    dice, first = random.Random(1), 0
    while first < LINES:
        batch = range(first, min(LINES, first + dice.randint(1, 30)))
        body = {
            "instance": "pi",
            "attempt": 1,
            "first": first,
            "lines": [{"kind": "text", "text": str(number)} for number in batch],
        }
        answer = await ask(session, servers, "/api/tasks/1/log", body)
        assert answer == {"next": batch[-1] + 1}
        first = batch[-1] + 1
        told.append(batch)
    await ask(session, servers, "/api/tasks/1/complete", {"instance": "pi", "attempt": 1})


async def kill_now_and_then(
    servers: list[RunningServer], told: list[range], recording: asyncio.Task[None]
) -> int:
    """Kill one after another with -9, and start it again; gives how often.

    In between some batches are told, however long that takes on this machine.
    """
    dice, kills = random.Random(2), 0
    while not recording.done():
        server = servers[kills % len(servers)]
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        kills += 1
        enough = len(told) + dice.randint(1, 40)
        await until(lambda enough=enough: len(told) >= enough or recording.done())
    return kills


async def live(servers: list[RunningServer]) -> None:
    """One worker, two listeners, and what keeps dying between them."""
    servers[0].ask("POST", "/api/tasks", {"description": "Say a lot"})
    servers[0].ask("POST", "/api/tasks/1/claim", {"instance": "pi"})
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        listeners = [asyncio.create_task(follow(session, servers)) for _ in range(2)]
        told: list[range] = []
        recording = asyncio.create_task(record(session, servers, told))
        async with asyncio.timeout(DEADLINE_SECONDS):
            kills = await kill_now_and_then(servers, told, recording)
            await recording
            heard = [await listener for listener in listeners]

    assert kills > 0
    assert heard == [[str(number) for number in range(LINES)]] * 2


async def test_each_line_is_heard_once_over_deaths(start_server: Callable[..., RunningServer]):
    """What was acknowledged is kept, and what was sent again is not doubled."""
    await live([start_server()])


@only_on("postgres", "on SQLite there is one server")
async def test_each_line_is_heard_once_through_any_replica(
    start_server: Callable[..., RunningServer],
):
    """Worker and listeners go from one to the other, as through a load balancer."""
    first = start_server()
    second = start_server(DATABASE_URL=first.database_url)

    await live([first, second])
