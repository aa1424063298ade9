"""PostgreSQL goes away and comes back: Athena says so meanwhile, and goes on by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn
from tests.postgres import PostgresServer
from tests.running import RunningServer
from tests.store.engines import only_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    only_on("postgres", "a file does not go away"),
]

DEADLINE_SECONDS = 120.0


@pytest.fixture
def replicas(
    postgres: PostgresServer, start_server: Callable[..., RunningServer]
) -> list[RunningServer]:
    """Two servers on it."""
    url = postgres.url(postgres.create_empty_database())
    return [start_server(DATABASE_URL=url) for _ in range(2)]


class Listener:
    """An event stream that is never opened a second time."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next_id(self) -> int:
        """The id of the next event."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while line := (await self._response.content.readline()).decode():
                if line.startswith("data: "):
                    return int(json.loads(line.removeprefix("data: "))["id"])
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def listening(server: RunningServer) -> AsyncIterator[Listener]:
    headers = {"X-API-Key": server.key, "Last-Event-ID": "0"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.get(f"{server.url}/api/events", headers=headers) as response,
    ):
        yield Listener(response)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the servers do; they are asked apart from the loop."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  (nothing tells of it)
            await asyncio.sleep(0.05)


def health_of(server: RunningServer) -> dict[str, str]:
    return dict(server.ask("GET", "/health", key=None).body)


def is_well(server: RunningServer) -> bool:
    return health_of(server)["status"] == "ok" and server.ask("GET", "/ready").status == 200


def is_without_database(server: RunningServer) -> bool:
    return health_of(server)["database"] == "unavailable"


def leaders_among(servers: list[RunningServer]) -> int:
    return sum(health_of(server)["role"] == "leader" for server in servers)


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
async def test_everything_goes_on_after_an_outage(
    postgres: PostgresServer,
    replicas: list[RunningServer],
    end: Callable[[PostgresServer], None],
):
    """Streams stay open and miss nothing; who asks meanwhile is told when to come again."""
    first, second = replicas
    task = {"description": "Deploy"}
    async with listening(first) as one, listening(second) as other:
        await first.ask_async("POST", "/api/tasks", task)
        before = [await one.next_id() for _ in range(2)]
        assert [await other.next_id() for _ in range(2)] == before

        await asyncio.to_thread(end, postgres)
        for server in replicas:
            refused = await server.ask_async("POST", "/api/tasks", task)
            assert (refused.status, refused.body["code"]) == (503, "unavailable")
            assert int(refused.headers["Retry-After"]) > 0
            await until(partial(is_without_database, server))
            assert (await server.ask_async("GET", "/ready")).status == 503
        # Longer than a lease of the leader: nobody leads who cannot say so.
        await until(lambda: leaders_among(replicas) == 0)
        await asyncio.to_thread(postgres.start)

        for server in replicas:
            await until(partial(is_well, server))
        await until(lambda: leaders_among(replicas) == 1)
        answer = await second.ask_async("POST", "/api/tasks", task)
        assert answer.status == 201
        after = await one.next_id()
        assert after > before[-1]
        assert await other.next_id() == after


async def test_waiting_requests_outlive_a_short_outage(
    postgres: PostgresServer, replicas: list[RunningServer]
):
    """Who waits for work waits on, and has it as soon as there is some."""
    first, second = replicas
    claim = {"instance": "pi", "wait": 60}
    waiting = asyncio.create_task(first.ask_async("POST", "/api/claim", claim))
    await until(lambda: bool(first.ask("GET", "/api/instances").body["instances"]))

    await asyncio.to_thread(postgres.restart)
    await until(lambda: is_well(second))
    await second.ask_async("POST", "/api/tasks", {"description": "Deploy"})

    answer = await waiting
    while answer.status == 503:  # it looked for work while there was no database
        answer = await first.ask_async("POST", "/api/claim", claim)
    assert (answer.status, answer.body["id"]) == (200, 1)


async def test_held_tasks_get_a_fresh_lease_after_a_long_outage(
    postgres: PostgresServer, replicas: list[RunningServer]
):
    """Their holders could not renew: none is taken away because PostgreSQL was down."""
    first, _ = replicas
    await first.ask_async("POST", "/api/tasks", {"description": "Deploy"})
    claim = {"instance": "pi", "lease_seconds": 10}
    await first.ask_async("POST", "/api/tasks/1/claim", claim)

    await asyncio.to_thread(postgres.stop)
    # This very span is the rule: an outage counts as long from here on.
    await asyncio.sleep(16)
    await asyncio.to_thread(postgres.start)
    await until(lambda: leaders_among(replicas) == 1)

    await until(lambda: is_well(first))

    events = (await first.ask_async("GET", "/api/tasks/1/events")).body["events"]
    assert [event["type"] for event in events] == ["task.submitted", "task.claimed"]
    renewed = await first.ask_async("POST", "/api/tasks/1/heartbeat", {"instance": "pi"})
    assert renewed.status == 200


async def test_database_that_hangs_holds_nobody_up(
    postgres: PostgresServer, replicas: list[RunningServer]
):
    """Requests are answered, a server can be stopped, and all goes on when it answers again."""
    first, second = replicas
    with postgres.held_still():
        refused = await first.ask_async("POST", "/api/tasks", {"description": "Deploy"}, timeout=30)
        assert (refused.status, health_of(first)["database"]) == (503, "unavailable")
        assert await asyncio.to_thread(second.stop) == 0

    await until(partial(is_well, first))
    await until(lambda: leaders_among([first]) == 1)
    answer = await first.ask_async("POST", "/api/tasks", {"description": "Deploy"})
    assert answer.status == 201


async def test_discord_comes_back_with_the_database(
    postgres: PostgresServer, start_server: Callable[..., RunningServer]
):
    """Without a leader there is no bot; with the next one everything is told, once."""
    url = postgres.url(postgres.create_empty_database())
    async with DiscordStandIn() as discord:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        server = await asyncio.to_thread(lambda: start_server(DATABASE_URL=url, **own))
        await discord.wait_ready("task", timeout_seconds=DEADLINE_SECONDS)

        await asyncio.to_thread(postgres.kill)
        await until(lambda: health_of(server)["role"] == "follower")
        await asyncio.to_thread(postgres.start)
        await until(lambda: is_well(server))
        await server.ask_async("POST", "/api/tasks", {"description": "Deploy"})

        await discord.wait_for_message("Task #1 ·", timeout_seconds=DEADLINE_SECONDS)
        assert len([m for m in discord.state.messages if "Task #1 ·" in m.text]) == 1
        assert discord.violations == []
        assert server.stop() == 0
