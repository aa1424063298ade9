"""Three replicas on one PostgreSQL, sixty-four clients, and everything that can die dies."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn
from tests.postgres import PostgresServer
from tests.running import RunningServer
from tests.scenario.crowd import GONE, Crowd, Heard, all_of, crowd_of, until
from tests.scenario.history import History, history_of
from tests.store.engines import only_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    only_on("postgres", "on SQLite there is one server"),
]

CLIENTS = 64
REPLICAS = 3
SECONDS = 1500.0


class Cluster:
    """The replicas on one database, and how a client finds one that lives."""

    def __init__(self, postgres: PostgresServer, replicas: list[RunningServer]) -> None:
        self.postgres = postgres
        self.replicas = replicas
        self._crowds: list[Crowd] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Cluster]:
        async with AsyncExitStack() as stack:
            for replica in self.replicas:
                self._crowds.append(await stack.enter_async_context(crowd_of(replica)))
            yield self

    async def ask(self, home: int, method: str, path: str, body: object, key: str = "") -> Heard:
        """As a client behind a proxy: another replica where one is gone, again where it says so."""
        headers = {"Idempotency-Key": key} if key else None
        for number in itertools.count(home):
            crowd = self._crowds[number % len(self._crowds)]
            try:
                answer = await crowd.ask(method, path, body, headers=headers)
            except GONE:
                await asyncio.sleep(0.01)
                continue
            if answer.status != 503:
                return answer
            assert answer.headers["Retry-After"]
            await asyncio.sleep(0.05)
        raise AssertionError("unreachable")

    async def submit(self, number: int, **fields: Any) -> int:
        body = {"description": f"task {number}", **fields}
        answer = await self.ask(number, "POST", "/api/tasks", body, key=f"submit-{number}")
        assert answer.status == 201, answer
        return int(answer.body["id"])

    async def work(self, home: int, taken: list[tuple[int, int]], enough: int) -> None:
        """Claim and complete until everything is done; a repeated request is the same request."""
        name = f"worker-{home}"
        for number in itertools.count():
            if len(taken) >= enough:
                return
            body = {"instance": name, "wait": 0.5}
            answer = await self.ask(home, "POST", "/api/claim", body, key=f"{name}-{number}")
            assert answer.status in {200, 204}, answer
            if answer.status == 204:
                continue
            task = answer.body
            done = {"instance": name, "attempt": task["attempt"]}
            ended = await self.ask(home, "POST", f"/api/tasks/{task['id']}/complete", done)
            assert ended.status == 200, ended
            taken.append((task["id"], task["attempt"]))

    async def follow(self, ids: list[int]) -> None:
        """Read the event stream, resumed at another replica whenever one breaks off."""
        for number in itertools.count():
            replica = self.replicas[number % len(self.replicas)]
            headers = {"X-API-Key": replica.key, "Last-Event-ID": str(ids[-1] if ids else 0)}
            try:
                async with (
                    aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
                    session.get(f"{replica.url}/api/events", headers=headers) as response,
                ):
                    if response.status == 200:
                        await _read_ids(response, ids)
            except GONE:
                pass
            await asyncio.sleep(0.05)

    async def disaster(self, taken: list[tuple[int, int]], enough: int) -> None:
        """One replica dies, comes back, and the database is restarted under all of them."""
        await until(lambda: len(taken) > enough // 4, seconds=SECONDS)
        await asyncio.to_thread(self.replicas[0].kill)
        await until(lambda: len(taken) > enough // 2, seconds=SECONDS)
        await asyncio.to_thread(self.postgres.restart)
        await until(lambda: len(taken) > enough * 5 // 8, seconds=SECONDS)
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.to_thread(self.postgres.start)
        await asyncio.to_thread(self.replicas[0].start)

    def history(self) -> History:
        return history_of(self.replicas[0])


async def _read_ids(response: aiohttp.ClientResponse, ids: list[int]) -> None:
    while line := (await response.content.readline()).decode():
        if line.startswith("data: "):
            ids.append(json.loads(line.removeprefix("data: "))["id"])


@pytest.fixture
def start_cluster(
    postgres: PostgresServer, start_server: Callable[..., RunningServer]
) -> Callable[[Mapping[str, str]], Cluster]:
    """Starts replicas with further settings."""

    def start(settings: Mapping[str, str]) -> Cluster:
        url = postgres.url(postgres.create_empty_database())
        settings = {**settings, "DATABASE_URL": url}
        return Cluster(postgres, [start_server(**settings) for _ in range(REPLICAS)])

    return start


def check(cluster: Cluster, wanted: list[int], taken: list[tuple[int, int]]) -> None:
    """Every task was held by one at a time, ended once, and the log tells it in order."""
    history = cluster.history()
    history.check()
    assert sorted(history.tasks) == sorted(wanted)
    assert {row["status"] for row in history.tasks.values()} == {"completed"}
    assert Counter(task_id for task_id, _ in taken) == Counter(wanted)
    assert set(history.count("task.claimed").values()) == {1}
    ends = history.count("task.completed")
    assert set(ends.values()) == {1}
    assert set(taken) == ends.keys()
    for replica in cluster.replicas:
        assert b"Traceback" not in replica.log.read_bytes()


async def test_no_task_is_held_twice_or_lost_whatever_dies(
    start_cluster: Callable[[Mapping[str, str]], Cluster], task_count: int
) -> None:
    """A replica and the database killed under load: each task once, each event once, in order."""
    async with (await asyncio.to_thread(start_cluster, {})).open() as cluster:
        taken: list[tuple[int, int]] = []
        ids: list[int] = []
        following = asyncio.create_task(cluster.follow(ids))
        few = asyncio.Semaphore(16)

        async def submit(number: int) -> int:
            async with few:
                return await cluster.submit(number)

        submitting = all_of(map(submit, range(task_count)), seconds=SECONDS)
        wanted, *_ = await all_of(
            [
                submitting,
                cluster.disaster(taken, task_count),
                *(cluster.work(home, taken, task_count) for home in range(CLIENTS)),
            ],
            seconds=SECONDS,
        )
        logged = [event.id for event in cluster.history().events]
        await until(lambda: ids and ids[-1] >= logged[-1])
        following.cancel()

    check(cluster, wanted, taken)
    assert ids == logged


async def test_discord_is_told_once_whatever_dies(
    start_cluster: Callable[[Mapping[str, str]], Cluster], is_full: bool
) -> None:
    """The leader with its bot and the database are killed: one card and one reply a task."""
    count = 300 if is_full else 40
    async with DiscordStandIn() as discord:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        async with (await asyncio.to_thread(start_cluster, own)).open() as cluster:
            await discord.wait_ready("task", timeout_seconds=60)
            taken: list[tuple[int, int]] = []
            wanted, *_ = await all_of(
                [
                    all_of([cluster.submit(number) for number in range(count)], seconds=SECONDS),
                    cluster.disaster(taken, count),
                    *(cluster.work(home, taken, count) for home in range(8)),
                ],
                seconds=SECONDS,
            )

            def said(text: str) -> Counter[str]:
                found = (m.text.splitlines()[0] for m in discord.state.messages if text in m.text)
                return Counter(found)

            await until(lambda: len(said("completed")) >= 2 * count, seconds=300)

            check(cluster, wanted, taken)
            ends = Counter(
                task_id
                for task_id in wanted
                for message in discord.state.messages
                if f"✅ Task #{task_id} completed" in message.text
            )
            cards = Counter(
                task_id
                for task_id in wanted
                for message in discord.state.messages
                if f"Task #{task_id} ·" in message.text
            )
            assert ends == Counter(wanted)
            assert cards == Counter(wanted)
            assert discord.violations == []
