"""Several servers on one PostgreSQL: whichever dies, sleeps or stops, the others go on."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.discord import DiscordStandIn
from tests.postgres import databases
from tests.running import RunningServer
from tests.scenario.wire import held_still
from tests.store.engines import Engine, only_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    only_on("postgres", "on SQLite there is one server"),
]

DEADLINE_SECONDS = 120.0
StartReplicas = Callable[..., list[RunningServer]]


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for what other processes do."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about: {what}"
        time.sleep(0.05)


def role_of(server: RunningServer) -> str:
    return str(server.ask("GET", "/health", key=None).body["role"])


def leader_among(servers: list[RunningServer]) -> RunningServer | None:
    """The one that leads, and never a second one."""
    leaders = [server for server in servers if role_of(server) == "leader"]
    assert len(leaders) < 2
    return leaders[0] if leaders else None


def until_led(servers: list[RunningServer]) -> RunningServer:
    """Wait for one of them to lead."""
    until(lambda: leader_among(servers) is not None, "somebody leads")
    leader = leader_among(servers)
    assert leader is not None
    return leader


@pytest.fixture
def database(engine: Engine) -> Iterator[str]:
    """The address of an empty database."""
    name = databases().create_empty_database()
    yield databases().url(name)
    databases().drop(name)


@pytest.fixture
def start_replicas(start_server: Callable[..., RunningServer], database: str) -> StartReplicas:
    """Starts so many servers on one database."""

    def start(number: int, **settings: str) -> list[RunningServer]:
        settings = {"DATABASE_URL": database, **settings}
        return [start_server(**settings) for _ in range(number)]

    return start


# --- who leads --------------------------------------------------------------------------------


def test_one_of_them_leads_and_all_serve(start_replicas: StartReplicas):
    """What one has taken in another gives out, and each says what it is."""
    first, second, third = start_replicas(3)

    assert [role_of(server) for server in (first, second, third)] == [
        "leader",
        "follower",
        "follower",
    ]
    first.ask("POST", "/api/tasks", {"description": "Deploy"})
    claimed = second.ask("POST", "/api/claim", {"instance": "pi"})
    assert (claimed.status, claimed.body["id"]) == (200, 1)
    assert third.ask("POST", "/api/tasks/1/complete", {"instance": "pi"}).status == 200
    assert first.ask("GET", "/api/tasks/1/result").body["success"] is True
    names = {server.ask("GET", "/health").body["replica"] for server in (first, second, third)}
    assert len(names) == 3
    metrics = [s.ask("GET", "/metrics").body.decode() for s in (first, second)]
    assert "\nathena_leader 1.0" in metrics[0]
    assert "\nathena_leader 0.0" in metrics[1]


def test_leader_that_is_killed_is_followed_by_another(start_replicas: StartReplicas):
    """Its periodic duties go on elsewhere: a lease that runs out is noticed."""
    first, second, third = start_replicas(3)
    second.ask("POST", "/api/tasks", {"description": "Deploy"})
    second.ask("POST", "/api/tasks/1/claim", {"instance": "pi", "lease_seconds": 1})

    first.kill()
    leader = until_led([second, third])

    until(lambda: leader.ask("GET", "/api/tasks/1").body["status"] == "pending", "it expires")
    first.start()
    assert role_of(first) == "follower"


def test_leader_that_stops_has_handed_over_before_it_is_gone(
    start_replicas: StartReplicas, database: str
):
    """Nobody has to wait for its lease to run out."""
    first, second = start_replicas(2)

    assert first.stop() == 0

    name = database.rpartition("/")[2]
    (row,) = databases().query("SELECT replica, term FROM leader", database=name)
    assert row["replica"] == "" or row["term"] == 2
    until_led([second])


def test_leader_that_slept_leads_no_more(start_replicas: StartReplicas):
    """Two never lead at once, also in the moment in which it wakes up."""
    first, second = start_replicas(2)

    with held_still(first):
        assert until_led([second]) is second
    roles = [role_of(first), role_of(second)]

    assert roles == ["follower", "leader"]
    task = first.ask("POST", "/api/tasks", {"description": "Still serves"})
    assert task.status == 201


# --- keys, repeated requests ------------------------------------------------------------------


def test_revoked_key_is_refused_by_all(start_replicas: StartReplicas):
    """Also by one that has just let it in."""
    first, second = start_replicas(2)
    body = {"name": "laptop", "scopes": ["read"]}
    key = first.ask("POST", "/api/keys", body).body
    assert second.ask("GET", "/api/tasks", key=key["secret"]).status == 200

    assert first.ask("DELETE", f"/api/keys/{key['id']}").status == 204

    until(lambda: second.ask("GET", "/api/tasks", key=key["secret"]).status == 401, "it is refused")


def test_repeated_request_has_one_answer_wherever_it_goes(start_replicas: StartReplicas):
    """An Idempotency-Key counts on all of them, also where they are asked at the same moment."""
    servers = start_replicas(3)

    async def ask_all() -> list[Any]:
        asked = [
            server.ask_async(
                "POST",
                "/api/tasks",
                {"description": "Deploy"},
                headers={"Idempotency-Key": "once"},
            )
            for server in servers * 4
        ]
        return [answer.body for answer in await asyncio.gather(*asked)]

    answers = asyncio.run(ask_all())

    # Not the first id, maybe: one that met another's answer was begun anew, and ids are not reused.
    (task,) = servers[0].ask("GET", "/api/tasks").body["tasks"]
    assert [answer["id"] for answer in answers] == [task["id"]] * 12


def test_replicas_that_start_at_once_make_one_key(tmp_path: Path, database: str):
    """One of them migrates, one makes the first key and shows it, and all serve."""
    servers = []
    for number in range(3):
        folder = tmp_path / f"replica-{number}"
        folder.mkdir()
        settings = {"ATHENA_DATABASE_URL": database, "ATHENA_API_KEY": ""}
        servers.append(RunningServer(folder, settings))
    try:

        async def start_all() -> None:
            await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))

        asyncio.run(start_all())

        shown = [re.findall(r"^    (ath_\w+)$", s.log.read_text(), re.MULTILINE) for s in servers]
        (key,) = [key for keys in shown for key in keys]
        assert [s.ask("GET", "/api/tasks", key=key).status for s in servers] == [200] * 3
        assert len(servers[0].ask("GET", "/api/keys", key=key).body["keys"]) == 1
        until_led(servers)
    finally:
        for server in servers:
            server.end()


# --- Discord ----------------------------------------------------------------------------------


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn() as stand_in:
        yield stand_in
        assert stand_in.violations == []


async def start_with_discord(
    start_replicas: StartReplicas, discord: DiscordStandIn
) -> list[RunningServer]:
    own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
    servers = await asyncio.to_thread(lambda: start_replicas(2, **own))
    await discord.wait_ready("task", timeout_seconds=DEADLINE_SECONDS)
    return servers


async def do_task(server: RunningServer, number: int) -> int:
    """Submit, claim and complete one task on this replica; gives its id."""
    task = await server.ask_async("POST", "/api/tasks", {"description": f"number {number}"})
    path = f"/api/tasks/{task.body['id']}"
    await server.ask_async("POST", f"{path}/claim", {"instance": "pi"})
    answer = await server.ask_async("POST", f"{path}/complete", {"instance": "pi"})
    assert answer.status == 200
    return int(task.body["id"])


async def until_all_told(discord: DiscordStandIn, tasks: list[int]) -> None:
    """Each card, claim and end, once. Ids may have gaps: what is begun anew draws another one."""
    for task in tasks:
        await discord.wait_for_message(
            f"✅ Task #{task} completed", timeout_seconds=DEADLINE_SECONDS
        )
    texts = Counter(
        match[0]
        for message in discord.state.messages
        for match in re.finditer(
            r"Task #\d+ (?:·|claimed|completed)", message.text.partition("\n")[0]
        )
    )
    assert {text: times for text, times in texts.items() if times != 1} == {}
    assert len(texts) == 3 * len(tasks)


def discord_state(server: RunningServer) -> str:
    return str(server.ask("GET", "/health", key=None).body["discord"])


async def test_discord_is_told_once_whoever_leads(
    start_replicas: StartReplicas, discord: DiscordStandIn
):
    """A killed leader's messages are told by the next, those that it told are not told again."""
    first, second = await start_with_discord(start_replicas, discord)
    assert await asyncio.to_thread(discord_state, second) == "on the leader"
    tasks = [await do_task(second, number) for number in range(3)]

    await asyncio.to_thread(first.kill)
    tasks += [await do_task(second, number) for number in range(3)]

    await until_all_told(discord, tasks)
    assert await asyncio.to_thread(role_of, second) == "leader"


async def test_discord_is_told_once_after_an_orderly_stop(
    start_replicas: StartReplicas, discord: DiscordStandIn
):
    """Rolling restarts, as an update makes them, lose nothing and repeat nothing."""
    first, second = await start_with_discord(start_replicas, discord)
    tasks = []
    for number, (stopped, other) in enumerate([(first, second), (second, first)]):
        tasks += [await do_task(stopped, number)]
        await asyncio.to_thread(stopped.stop)
        tasks += [await do_task(other, number)]
        await asyncio.to_thread(stopped.start)

    await until_all_told(discord, tasks)


async def test_leader_that_slept_says_nothing_more(
    start_replicas: StartReplicas, discord: DiscordStandIn
):
    """What it had in hand is told by the other; a command reaches one of them."""
    first, second = await start_with_discord(start_replicas, discord)
    discord.faults.delay("POST /channels/**", seconds=0.2)
    doing = [asyncio.create_task(do_task(second, number)) for number in range(4)]
    await discord.wait_for_message(" · ", timeout_seconds=DEADLINE_SECONDS)
    with held_still(first):
        told = await asyncio.gather(*doing)
        await asyncio.to_thread(until_led, [second])
        await asyncio.to_thread(
            until, lambda: discord_state(second) == "connected", "the other one connects"
        )
        # Still open, as Discord sees it, is the connection of the one that sleeps.
        interaction = discord.start_slash(discord.member("alice"), "task", description="one more")

    await discord.outcome(interaction)
    await asyncio.to_thread(
        until, lambda: discord_state(first) == "on the leader", "the sleeper has left"
    )
    tasks = (await second.ask_async("GET", "/api/tasks?status=all")).body["tasks"]
    (last,) = {task["id"] for task in tasks} - {*told}
    await second.ask_async("POST", f"/api/tasks/{last}/claim", {"instance": "pi"})
    await second.ask_async("POST", f"/api/tasks/{last}/complete", {"instance": "pi"})
    await until_all_told(discord, [*told, last])


# --- all at once ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_mishaps_tell_each_thing_once(
    start_replicas: StartReplicas, discord: DiscordStandIn, seed: int
):
    """Leaders are killed, put to sleep and stopped while tasks run: every message once."""
    chance, count = random.Random(seed), 10
    servers = await start_with_discord(start_replicas, discord)
    discord.faults.delay("POST /channels/**", seconds=0.05)
    working = asyncio.create_task(work(servers, count))
    for _ in range(4):
        await asyncio.sleep(chance.uniform(0.3, 2.0))  # at any moment: that is the point
        leader = await asyncio.to_thread(until_led, servers)
        others = [server for server in servers if server is not leader]
        mishap = chance.choice([killed, asleep, stopped])
        await asyncio.to_thread(mishap, leader, others)

    await until_all_told(discord, await working)


def killed(server: RunningServer, others: list[RunningServer]) -> None:
    server.kill()
    until_led(others)
    server.start()


def stopped(server: RunningServer, others: list[RunningServer]) -> None:
    assert server.stop() == 0
    until_led(others)
    server.start()


def asleep(server: RunningServer, others: list[RunningServer]) -> None:
    with held_still(server):
        until_led(others)


async def work(servers: list[RunningServer], count: int) -> list[int]:
    """Submit, claim and complete tasks on whichever replica answers; gives their ids."""
    tasks = []
    for number in range(1, count + 1):
        body = {"description": f"number {number}"}
        task = await surely(servers, "POST", "/api/tasks", body, key=f"task-{number}")
        tasks.append(int(task["id"]))
        for end in ("claim", "complete"):
            await surely(servers, "POST", f"/api/tasks/{task['id']}/{end}", {"instance": "pi"})
        await asyncio.sleep(1)
    return tasks


async def surely(
    servers: list[RunningServer], method: str, path: str, body: object, key: str = ""
) -> dict[str, Any]:
    """Ask one after another until there is an answer; every request here may be repeated."""
    headers = {"Idempotency-Key": key} if key else {}
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            for server in servers:
                try:
                    answer = await server.ask_async(method, path, body, headers=headers, timeout=2)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status != 503:
                    assert answer.status < 400, answer.body
                    return dict(answer.body)
