"""The transcript over HTTP: appended, read page by page, and followed as it grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from athena.api import streams
from athena.api.routes import transcript
from athena.model import limits
from athena.model.errors import Unavailable
from athena.model.key import Scope
from tests.api.driver import ADMIN, DEADLINE_SECONDS, Answer, ApiDriver, until

TIME = "2026-11-22T08:00:00.250Z"
Task = dict[str, Any]


def lines(*texts: str) -> list[dict[str, str]]:
    return [{"kind": "text", "text": text} for text in texts]


async def append(
    api: ApiDriver, task: Task, *texts: str, first: int = 0, key: str = ADMIN, **said: Any
) -> Answer:
    body = {"instance": "pi", "attempt": task["attempt"], "first": first, "lines": lines(*texts)}
    return await api.ask("POST", f"/api/tasks/{task['id']}/log", body | said, key=key)


async def log(api: ApiDriver, task: Task, query: str = "") -> Any:
    answer = await api.ask("GET", f"/api/tasks/{task['id']}/log{query}")
    assert answer.status == 200, answer
    return answer.body


async def complete(api: ApiDriver, task: Task) -> None:
    body = {"instance": "pi"}
    assert (await api.ask("POST", f"/api/tasks/{task['id']}/complete", body)).status == 200


class Followed:
    """An open stream of lines."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def line(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.response.content.readline()

    async def frame(self) -> dict[str, Any]:
        """The next event; comments are passed over."""
        frame: dict[str, Any] = {}
        while content := await self.line():
            name, _, value = content.decode().rstrip("\n").partition(": ")
            if content == b"\n" and frame:
                return frame
            if name:
                frame[name] = json.loads(value) if name == "data" else value
        raise AssertionError("the stream has ended")

    async def texts(self, count: int) -> str:
        return "".join([(await self.frame())["data"]["text"] for _ in range(count)])

    async def rest(self) -> bytes:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.response.content.read()


@asynccontextmanager
async def follow(
    api: ApiDriver,
    task: Task,
    query: str = "",
    *,
    key: str = ADMIN,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Followed]:
    url = f"{api.url}/api/tasks/{task['id']}/log?follow=true{query}"
    async with api.session.get(url, headers={"X-API-Key": key, **(headers or {})}) as response:
        assert response.status == 200, await response.read()
        yield Followed(response)


# --- appending and reading ------------------------------------------------------------------------


async def test_lines_come_back_as_they_were_sent(api: ApiDriver):
    """Each with its place in the task and in the attempt, its time and its kind."""
    task = await api.claimed()

    answer = await append(api, task, lines=[{"at": TIME, "kind": "tool", "text": "Bash: make"}])

    assert (answer.status, answer.body) == (200, {"next": 1})
    line = {"id": 1, "attempt": 1, "number": 0, "at": TIME, "kind": "tool", "text": "Bash: make"}
    assert await log(api, task) == {"lines": [line], "next_after": 1, "dropped": 0}


async def test_pages_and_the_tail(api: ApiDriver):
    """From a position, so many at most; or the last so many."""
    task = await api.claimed()
    await append(api, task, *"abcde")

    async def read(query: str) -> tuple[str, int]:
        page = await log(api, task, query)
        return "".join(line["text"] for line in page["lines"]), page["next_after"]

    assert await read("") == ("abcde", 5)
    assert await read("?limit=2") == ("ab", 2)
    assert await read("?limit=2&after=2") == ("cd", 4)
    assert await read("?tail=2") == ("de", 5)
    assert await read("?tail=4&after=3&limit=1") == ("de", 5)
    assert await read("?after=9223372036854775807&follow=false") == ("", 5)


async def test_dropped_lines_are_told_of(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """So that nobody takes the rest for the whole."""
    monkeypatch.setattr(limits, "LINES_OF_A_TASK_MAX", 3)
    task = await api.claimed()
    await append(api, task, *"ab")
    await append(api, task, *"cde", first=2)

    page = await log(api, task)

    assert (page["dropped"], [line["id"] for line in page["lines"]]) == (2, [3, 4, 5])


async def test_who_may(api: ApiDriver):
    """The holder writes with `work`, anybody with `read` reads; a bound key is its own instance."""
    task = await api.claimed()
    work, read = await api.key_for(Scope.WORK), await api.key_for(Scope.READ)
    other = await api.key_for(Scope.WORK, instance="mac")

    assert (await append(api, task, "a", key=work)).status == 200
    assert (await append(api, task, "b", key=read)).code == "forbidden"
    assert (await append(api, task, "b", key=other)).code == "forbidden"
    assert (await append(api, task, "b", key=work, instance="mac")).code == "not_holder"
    assert (await append(api, task, "b", key=work, attempt=2)).code == "not_holder"
    path = f"/api/tasks/{task['id']}/log"
    assert (await api.ask("GET", path, key=read)).status == 200
    assert (await api.ask("GET", path, key=work)).code == "forbidden"
    assert (await api.ask("GET", path + "?follow=true", key=work)).code == "forbidden"


async def test_late_lines_of_a_cancelled_task_are_taken(api: ApiDriver):
    """The holder is told to stop by everything else; what it did until then is worth keeping."""
    task = await api.claimed()
    await api.ask("POST", f"/api/tasks/{task['id']}/cancel")

    assert (await append(api, task, "a")).body == {"next": 1}


@pytest.mark.parametrize("query", ["", "?follow=true"])
async def test_unknown_task_is_404(api: ApiDriver, query: str):
    """Also for who wants to follow it."""
    assert (await api.ask("GET", f"/api/tasks/7/log{query}")).code == "task_not_found"
    assert (await append(api, {"id": 7, "attempt": 1}, "a")).code == "task_not_found"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("instance", None),
        ("instance", "no slug"),
        ("attempt", None),
        ("attempt", -1),
        ("first", None),
        ("first", -1),
        ("first", 1.5),
        ("first", 2**63),
        ("lines", None),
        ("lines", []),
        ("lines", lines(*"x" * 201)),
        ("lines", [{"kind": "shout", "text": "a"}]),
        ("lines", [{"kind": "text"}]),
        ("lines", [{"text": "a"}]),
        ("lines", [{"kind": "text", "text": None}]),
        ("lines", [{"kind": "text", "text": "\x00"}]),
        ("lines", [{"kind": "text", "text": "a", "at": "yesterday"}]),
        ("lines", [{"kind": "text", "text": "a", "more": 1}]),
        ("unknown", 1),
    ],
)
async def test_wrong_batch_is_refused(api: ApiDriver, field: str, wrong: Any):
    """As a whole: nothing of it is kept."""
    task = await api.claimed()

    answer = await append(api, task, "a", **{field: wrong})

    assert (answer.status, answer.code) == (422, "validation_error")
    assert (await log(api, task))["lines"] == []


@pytest.mark.parametrize(
    "query", ["follow=yes", "follow=", "tail=0", "tail=501", "limit=0", "after=-1", "lines=3"]
)
async def test_wrong_query_is_refused(api: ApiDriver, query: str):
    """Before anything is streamed."""
    task = await api.claimed()

    assert (await api.ask("GET", f"/api/tasks/{task['id']}/log?{query}")).status == 422


async def test_largest_batch_is_taken(api: ApiDriver):
    """200 lines, as long as fit in a body; one more byte of a body than that is 413."""
    task = await api.claimed()
    most = limits.BODY_BYTES_MAX // limits.LINES_AT_ONCE_MAX - 40

    answer = await append(api, task, *["x" * most] * limits.LINES_AT_ONCE_MAX)

    assert answer.body == {"next": 200}
    assert (await append(api, task, *["x" * 2_000] * 200)).code == "too_large"


# --- following ------------------------------------------------------------------------------------


async def test_following_tells_what_was_and_what_comes(api: ApiDriver):
    """Line by line, each with its id, until the task has ended."""
    task = await api.claimed()
    await append(api, task, "a", "b")

    async with follow(api, task) as followed:
        assert followed.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert (await followed.line()).startswith(b":")
        first = await followed.frame()
        assert first == {
            "id": "1",
            "event": "line",
            "data": (await log(api, task))["lines"][0],
        }
        assert await followed.texts(1) == "b"
        await append(api, task, "c", first=2)
        assert (await followed.frame())["id"] == "3"
        await append(api, task, "d", first=3)
        await complete(api, task)
        assert await followed.texts(1) == "d"
        assert await followed.frame() == {"event": "end", "data": {"status": "completed"}}
        assert await followed.rest() == b""


async def test_following_what_has_ended_ends_at_once(api: ApiDriver):
    """With all that there is."""
    task = await api.claimed()
    await append(api, task, *"abc")
    await complete(api, task)

    async with follow(api, task) as followed:
        content = await followed.rest()

    assert content.count(b"event: line\n") == 3
    assert content.endswith(b'event: end\ndata: {"status":"completed"}\n\n')


async def test_following_a_pending_task_waits(api: ApiDriver):
    """For its claim and its lines."""
    task = await api.submitted()
    async with follow(api, task) as followed:
        await followed.line()
        await api.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": "pi"})
        await append(api, task | {"attempt": 1}, "a")

        assert await followed.texts(1) == "a"


async def test_following_what_is_removed_ends(api: ApiDriver):
    """It has no status then."""
    task = await api.submitted()
    async with follow(api, task) as followed:
        await followed.line()
        await api.ask("DELETE", f"/api/tasks/{task['id']}")

        assert await followed.frame() == {"event": "end", "data": {"status": "deleted"}}


async def test_following_goes_on_where_it_was(api: ApiDriver):
    """By `after`, by the tail, or by the id that the listener has seen last, which goes before."""
    task = await api.claimed()
    await append(api, task, *"abcde")

    async def followed(query: str, count: int, **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with follow(api, task, query, headers=named) as stream:
            return await stream.texts(count)

    assert await followed("&after=2", 3) == "cde"
    assert await followed("&tail=2", 2) == "de"
    assert await followed("&tail=1&after=1", 2, Last_Event_ID="3") == "de"
    answer = await api.ask(
        "GET", f"/api/tasks/{task['id']}/log?follow=true", headers={"Last-Event-ID": "x"}
    )
    assert answer.status == 422


async def test_a_long_log_is_told_whole(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """In as many pieces as it takes, while more is appended."""
    monkeypatch.setattr(transcript, "_BATCH", 7)
    task = await api.claimed()
    await append(api, task, *map(str, range(100)))

    async with follow(api, task) as followed:
        await append(api, task, *map(str, range(100, 200)), first=100)
        seen = [(await followed.frame())["data"]["text"] for _ in range(200)]

    assert seen == [str(number) for number in range(200)]


async def test_following_outlives_a_store_that_is_away(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """It stays open, and goes on where it was."""
    monkeypatch.setattr(streams, "_AWAY_SECONDS", 0.01)
    asked = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        asked.set()
        raise Unavailable

    task = await api.claimed()
    await append(api, task, "a")
    async with follow(api, task) as followed:
        assert await followed.texts(1) == "a"
        with monkeypatch.context() as outage:
            outage.setattr(api.services.transcript, "_read", away)
            await append(api, task, "b", first=1)
            await asked.wait()
        assert await followed.texts(1) == "b"


async def test_silence_is_filled_with_comments(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """Also where the task has events that are no lines."""
    monkeypatch.setattr(streams, "_COMMENT_EVERY", timedelta(milliseconds=20))
    task = await api.claimed()
    async with follow(api, task) as followed:
        for _ in range(4):
            assert (await followed.line()).startswith(b":")
            assert await followed.line() == b"\n"
            body = {"instance": "pi", "progress": {"percent": 1}}
            await api.ask("PUT", f"/api/tasks/{task['id']}/status", body)


async def test_followers_count_among_the_streams_of_a_key(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """Whatever is followed: one more is 429."""
    monkeypatch.setattr(streams, "STREAMS_PER_KEY_MAX", 1)
    task = await api.claimed()
    async with follow(api, task) as followed:
        await followed.line()

        for path in ("/api/events", f"/api/tasks/{task['id']}/log?follow=true"):
            assert (await api.ask("GET", path)).code == "rate_limited"
        assert (await api.ask("GET", f"/api/tasks/{task['id']}/log")).status == 200


async def test_following_ends_with_the_key(api: ApiDriver):
    """A revoked key hears no more."""
    key = await api.key_for(Scope.READ)
    task = await api.claimed()
    async with follow(api, task, key=key) as followed:
        await followed.line()
        keys = (await api.ask("GET", "/api/keys")).body["keys"]
        await api.ask("DELETE", f"/api/keys/{keys[-1]['id']}")
        await append(api, task, "a")

        assert b'"a"' not in await followed.rest()


async def test_following_ends_when_the_server_stops(api: ApiDriver):
    """At once, and cleanly."""
    task = await api.claimed()
    async with follow(api, task) as followed:
        await followed.line()
        await followed.line()

        async with asyncio.timeout(3):
            await api.api.stop()

        assert await followed.rest() == b""


async def test_nothing_is_kept_of_a_listener_that_has_gone(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """Whether it hung up, or reads no more."""
    monkeypatch.setattr(streams, "_WRITE_SECONDS_MAX", 0.05)
    task = await api.claimed()
    async with follow(api, task) as followed:
        await followed.line()
        followed.response.close()
    await until(lambda: api.services.transcript._followers == {})
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1_024)
    writer.write(
        f"GET /api/tasks/{task['id']}/log?follow=true HTTP/1.1\r\nHost: a\r\n"
        f"X-API-Key: {ADMIN}\r\n\r\n".encode()
    )
    await reader.readline()

    for number in range(60):
        await append(api, task, *["x" * 4_000] * 50, first=number * 50)

    await until(lambda: _other_connections(api) == 0)
    assert api.services.transcript._followers == {}
    writer.close()


def _other_connections(api: ApiDriver) -> int:
    runner = api.api._runner
    assert runner is not None
    assert runner.server is not None
    # The test's own client keeps one connection.
    return len(runner.server.connections) - 1


async def test_head_of_a_stream_has_no_body(api: ApiDriver):
    """And does not stay open."""
    task = await api.claimed()

    answer = await api.ask("HEAD", f"/api/tasks/{task['id']}/log?follow=true")

    assert (answer.status, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
