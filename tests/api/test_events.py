"""The event log over HTTP: as a stream that resumes, and page by page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from athena.api import event_stream, streams
from athena.model.errors import Unavailable
from athena.model.key import Scope
from athena.store.base import Transaction
from tests.api.driver import ADMIN, DEADLINE_SECONDS, ApiDriver, until
from tests.service.driver import QueueDriver
from tests.store.engines import Engine


class Frames:
    """An open stream, read frame by frame."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> dict[str, Any]:
        """The next event; comments are passed over."""
        frame: dict[str, Any] = {}
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := (await self.response.content.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and frame:
                    return frame
                if name:
                    frame[name] = json.loads(value) if name == "data" else value
        raise AssertionError("the stream has ended")

    async def comment(self) -> str:
        """The next line, which is to be a comment."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = (await self.response.content.readline()).decode()
            await self.response.content.readline()
        assert line.startswith(":"), line
        return line

    async def rest(self) -> bytes:
        """What comes until the server ends the stream."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.response.content.read()


@asynccontextmanager
async def stream(
    api: ApiDriver,
    query: str = "",
    *,
    key: str = ADMIN,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Frames]:
    sent = {"X-API-Key": key, "Accept": "text/event-stream", **(headers or {})}
    async with api.session.get(f"{api.url}/api/events{query}", headers=sent) as response:
        assert response.status == 200, await response.read()
        yield Frames(response)


async def test_a_stream_starts_now(api: ApiDriver):
    """What happened before is not told; each event is told once, whole."""
    await api.submitted()
    async with stream(api) as frames:
        assert frames.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        await frames.comment()
        task = await api.submitted(created_by="alice")

        frame = await frames.next()

    assert frame["event"] == "task.submitted"
    assert frame["id"] == str(frame["data"]["id"])
    assert frame["data"]["task_id"] == task["id"]
    assert frame["data"]["at"] == "2026-11-21T20:00:00.000Z"
    assert frame["data"]["actor"] == {"kind": "key", "name": "admin"}
    assert frame["data"]["data"]["created_by"] == "alice"


async def test_a_stream_resumes_without_a_gap(api: ApiDriver):
    """After the Last-Event-ID, in order, none twice and none left out."""
    for _ in range(250):
        await api.submitted()
    page = await api.ask("GET", "/api/events?limit=500", headers={"Accept": "application/json"})
    ids = [event["id"] for event in page.body["events"]]
    seen = []

    async with stream(api, headers={"Last-Event-ID": str(ids[9])}) as frames:
        seen += [int((await frames.next())["id"]) for _ in range(120)]
    async with stream(api, headers={"Last-Event-ID": str(seen[-1])}) as frames:
        await api.submitted()
        seen += [int((await frames.next())["id"]) for _ in range(len(ids) - 130 + 1)]

    assert seen == [*ids[10:], ids[-1] + 1]


async def test_a_position_may_stand_in_the_query(api: ApiDriver):
    """For pages that remember where they are; a Last-Event-ID is newer, and goes before it."""
    await api.submitted()
    await api.submitted()
    async with stream(api, "?after=1") as frames:
        assert (await frames.next())["id"] == "2"
    async with stream(api, "?after=1", headers={"Last-Event-ID": "2"}) as frames:
        assert (await frames.next())["id"] == "3"


async def test_what_is_not_kept_any_more_is_reset(api: ApiDriver):
    """A listener that was away too long is told to read the rest anew."""
    await api.submitted()
    await api.submitted()
    assert api.store is not None

    async def forget(tx: Transaction) -> None:
        values = {"keep_from": 3, "before": 2**62, "limit": 10}
        assert await tx.execute("delete_events_before", values) == 2

    await api.store.run(forget)
    api.services.feed._recent.clear()
    async with stream(api, headers={"Last-Event-ID": "1"}) as frames:
        reset = await frames.next()
        event = await frames.next()

    assert reset == {"event": "reset", "id": "2", "data": {"type": "reset", "after": 2}}
    assert event["id"] == "3"


async def test_stream_outlives_a_store_that_is_away(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """It stays open, and goes on where it was."""
    monkeypatch.setattr(streams, "_AWAY_SECONDS", 0.01)
    asked = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        asked.set()
        raise Unavailable

    async with stream(api) as frames:
        await frames.comment()
        with monkeypatch.context() as outage:
            outage.setattr(api.services.feed, "read", away)
            await api.submitted()
            await asked.wait()
        assert (await frames.next())["event"] == "task.submitted"


async def test_a_position_of_another_life_is_reset(api: ApiDriver):
    """After the store was restored from a backup, what counts is what it has."""
    await api.submitted()
    async with stream(api, headers={"Last-Event-ID": "4711"}) as frames:
        assert (await frames.next())["event"] == "reset"
        await api.submitted()
        assert (await frames.next())["event"] == "task.submitted"


async def test_a_position_that_another_replica_told_of_first_is_no_other_life(
    api: ApiDriver, engine: Engine, tmp_path: Path
):
    """A stream may go on at a replica that has not heard yet of what the last one has sent."""
    await api.submitted()
    known = api.services.feed.position
    async with engine.visit(tmp_path, api.clock) as other:
        await QueueDriver(other, api.clock).submit()

    async with stream(api, headers={"Last-Event-ID": str(known + 1)}) as frames:
        await api.submitted()
        frame = await frames.next()

    assert (frame["event"], frame["id"]) == ("task.submitted", str(known + 2))


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "9" * 30, "1 2", "١"])
async def test_a_position_is_a_number(api: ApiDriver, text: str):
    """422 for anything else."""
    answer = await api.ask("GET", "/api/events", headers={"Last-Event-ID": text})

    assert (answer.status, answer.code) == (422, "validation_error")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("task=2", ["task.submitted", "task.claimed"]),
        ("type=task.claimed", ["task.claimed"]),
        ("type=task.claimed,instance.online", ["instance.online", "task.claimed"]),
        ("instance=pi", ["instance.online", "task.claimed"]),
        ("instance=mac", []),
        ("actor=submit", ["task.submitted"]),
        ("actor=key:submit", ["task.submitted"]),
        ("actor=discord:submit", []),
        ("type=task.claimed&instance=pi&task=2&actor=admin", ["task.claimed"]),
    ],
)
async def test_events_are_filtered(api: ApiDriver, query: str, expected: list[str]):
    """In a stream and in pages alike; all filters that are given must fit."""
    key = await api.key_for(Scope.SUBMIT)
    start = api.services.feed.position
    await api.ask("POST", "/api/tasks", {"description": "x"}, key=key)
    await api.claimed()
    await api.ask("POST", "/api/pause", {"project": "the-end"})

    headers = {"Accept": "application/json"}
    page = await api.ask("GET", f"/api/events?after={start}&{query}", headers=headers)
    seen = []
    async with stream(api, f"?after={start}&{query}") as frames:
        seen += [(await frames.next())["event"] for _ in expected]

    assert [event["type"] for event in page.body["events"]] == expected
    assert seen == expected
    assert page.body["next_after"] == api.services.feed.position


async def test_the_log_is_read_page_by_page(api: ApiDriver):
    """From the beginning, where nothing else is said; the end is an empty page."""
    for _ in range(5):
        await api.submitted()
    after, seen = 0, []
    while True:
        path = f"/api/events?after={after}&limit=2"
        page = (await api.ask("GET", path, headers={"Accept": "application/json"})).body
        if not page["events"]:
            break
        after = page["next_after"]
        seen += [event["id"] for event in page["events"]]

    assert seen == list(range(1, api.services.feed.position + 1))
    assert page == {"events": [], "next_after": after}
    path = f"/api/events?after={2**63 - 1}"
    assert (await api.ask("GET", path, headers={"Accept": "application/json"})).status == 200


async def test_silence_is_filled_with_comments(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """So that proxies keep the connection, and a dead one is noticed; also where nothing fits."""
    monkeypatch.setattr(streams, "_COMMENT_EVERY", timedelta(milliseconds=20))
    async with stream(api, "?type=task.deleted") as frames:
        for _ in range(3):
            await frames.comment()
            await api.submitted()


async def test_streams_of_a_key_are_bounded(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """One more is 429; one that has gone makes room."""
    monkeypatch.setattr(streams, "STREAMS_PER_KEY_MAX", 2)
    other = await api.key_for(Scope.READ)
    async with stream(api) as first, stream(api):
        await first.comment()
        refused = await api.ask("GET", "/api/events")
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "5"
        async with stream(api, key=other):
            pass
        first.response.close()

        async def is_let_in() -> bool:
            with_room = api.session.get(
                f"{api.url}/api/events", headers={"X-API-Key": ADMIN, "Accept": "*/*"}
            )
            async with with_room as response:
                return response.status == 200

        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await is_let_in():  # noqa: ASYNC110  (nothing tells when)
                await asyncio.sleep(0.01)


async def test_a_stream_ends_with_its_key(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """A revoked key hears no more."""
    key = await api.key_for(Scope.READ)
    async with stream(api, key=key) as frames:
        await frames.comment()
        keys = (await api.ask("GET", "/api/keys")).body["keys"]
        await api.ask("DELETE", f"/api/keys/{keys[-1]['id']}")
        await api.submitted()

        assert b"task.submitted" not in await frames.rest()


async def test_streams_end_when_the_server_stops(api: ApiDriver):
    """At once, and cleanly."""
    async with stream(api) as frames:
        await frames.comment()

        async with asyncio.timeout(3):
            await api.api.stop()

        assert await frames.rest() == b""


async def test_a_listener_that_does_not_read_is_let_go(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """It is kept by nothing, and holds nobody up."""
    monkeypatch.setattr(streams, "_WRITE_SECONDS_MAX", 0.05)
    monkeypatch.setattr(event_stream, "_frame", lambda event: b": " + b"x" * 1_000_000 + b"\n\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1_024)
    writer.write(f"GET /api/events HTTP/1.1\r\nHost: a\r\nX-API-Key: {ADMIN}\r\n\r\n".encode())
    await reader.readline()

    for _ in range(30):
        await api.submitted()

    await until(lambda: _other_connections(api) == 0)
    writer.close()


def _other_connections(api: ApiDriver) -> int:
    runner = api.api._runner
    assert runner is not None
    assert runner.server is not None
    # The test's own client keeps one connection.
    return len(runner.server.connections) - 1
