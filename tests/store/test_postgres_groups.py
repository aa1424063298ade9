"""Groups of use cases on PostgreSQL, beside each other and alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from athena.clock import SystemClock
from athena.model.errors import Conflict, Unavailable
from athena.model.event import SYSTEM
from athena.model.instance import Asker
from athena.service.drafts import Draft
from athena.service.instances import Heartbeat
from athena.service.services import Services, build_services
from athena.store import events
from athena.store.base import Committed, Needs, Transaction
from athena.store.foresight import foresee
from athena.store.postgres import PostgresStore
from athena.store.postgres_connections import LOCK_QUEUE
from tests.postgres import databases


@pytest.fixture
def url(tmp_path: Path) -> str:
    return databases().url(databases().database_of(tmp_path))


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    async with PostgresStore(url) as store:
        yield store


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection of another replica."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


def services_of(store: PostgresStore) -> Services:
    lease = timedelta(hours=2)
    return build_services(
        store, SystemClock(), lease=lease, max_attempts=3, version="0", replica="one"
    )


async def kinds_waited_for(connection: asyncpg.Connection[Any]) -> set[str]:
    """Which kinds of locks are waited for, once any is."""
    async with asyncio.timeout(20):
        while True:
            rows = await connection.fetch(
                "SELECT locktype FROM pg_locks AS waiting JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
            if rows:
                return {row["locktype"] for row in rows}
            await asyncio.sleep(0.01)


async def test_claim_of_the_last_task_that_another_replica_claims(
    store: PostgresStore, other: asyncpg.Connection[Any], url: str
):
    """It waits for the outcome with no row locked: two such would wait for each other."""
    services = services_of(store)
    task = await services.tasks.submit(Draft(description="work"), by=SYSTEM)
    watching = await asyncpg.connect(url)
    await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCK_QUEUE})")
    await other.execute("SELECT * FROM tasks WHERE id = $1 FOR UPDATE", task.id)

    claiming = asyncio.create_task(
        services.claims.claim_next(Asker(instance="pi"), lease=None, by=SYSTEM)
    )
    waited_for = await kinds_waited_for(watching)
    await watching.close()
    await other.execute("ROLLBACK")
    claimed = await claiming

    assert waited_for == {"advisory"}
    assert claimed is not None
    assert claimed.id == task.id


async def test_use_case_that_must_be_alone_is_carried_out_once(store: PostgresStore):
    """Also where the group in which it began was spoilt, and begun anew with each by itself."""
    runs: list[str] = []

    async def alone(tx: Transaction) -> None:
        await tx.alone()
        await tx.execute("set_cursor", {"sink": "discord", "position": 1})
        runs.append("alone")

    async def spoil(tx: Transaction) -> None:
        await tx.execute("set_cursor", {"sink": "discord", "position": 2})
        raise Conflict

    _, refusal = await asyncio.gather(
        store.run(alone, beside=True), store.run(spoil, beside=True), return_exceptions=True
    )
    await store.run(alone)

    assert isinstance(refusal, Conflict)
    assert runs == ["alone", "alone"]


async def test_use_case_that_has_written_may_still_ask_to_be_alone(store: PostgresStore):
    """What it wrote is taken back, and it begins anew."""

    async def act(tx: Transaction) -> bool:
        had_company = tx.has_company
        await tx.execute("set_cursor", {"sink": "discord", "position": 1})
        await tx.alone()
        return had_company

    assert await store.run(act, beside=True) is False


async def test_server_that_does_not_answer_is_not_asked_again_for_each(store: PostgresStore):
    """Of a group whose server is lost, everybody is told at once."""
    runs: list[str] = []

    async def lose(tx: Transaction) -> None:
        runs.append("lose")
        await tx.execute("set_cursor", {"sink": "discord", "position": 1})
        raise TimeoutError

    async def other(_tx: Transaction) -> None:
        runs.append("other")

    refusals = await asyncio.gather(
        *(store.run(use_case, beside=True) for use_case in (other, lose, other)),
        return_exceptions=True,
    )

    assert [type(refusal) for refusal in refusals] == [Unavailable] * 3
    assert runs == ["other", "lose"]


async def test_bug_in_one_group_leaves_the_next_ones_alone(store: PostgresStore):
    """Whoever listens to commits and fails must not keep everybody from being answered."""
    bugs: list[Committed] = []

    def fail(committed: Committed) -> None:
        bugs.append(committed)
        raise ZeroDivisionError

    store.on_commit(fail)
    services = services_of(store)
    for _ in range(2):
        await services.tasks.submit(Draft(description="work"), by=SYSTEM)
        # By the same line, but with nothing to tell: it comes after what was told.
        await store.run(_nothing, beside=True)

    assert len(bugs) >= 2


@pytest.mark.parametrize("beside", [True, False])
async def test_cancellation_that_nobody_asked_for_ends_no_line(store: PostgresStore, beside: bool):
    """A library's own, on a line that was lost: who asked is refused, and the next are served."""

    async def leak(_tx: Transaction) -> None:
        raise asyncio.CancelledError

    with pytest.raises(Unavailable):
        async with asyncio.timeout(30):
            await store.run(leak, beside=beside)
    async with asyncio.timeout(30):
        await store.run(_nothing, beside=beside)


async def _nothing(_tx: Transaction) -> None:
    """A use case that changes nothing."""


async def test_what_changed_while_the_lock_was_waited_for_is_seen(
    url: str, other: asyncpg.Connection[Any]
):
    """Also where the database's default is one snapshot for a whole transaction."""
    name = urlsplit(url).path.removeprefix("/")
    await other.execute(
        f'ALTER DATABASE "{name}" SET default_transaction_isolation TO "repeatable read"'
    )
    async with PostgresStore(url) as store:
        services = services_of(store)
        await services.tasks.submit(Draft(description="work"), by=SYSTEM)
        await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock({LOCK_QUEUE})")
        claiming = asyncio.create_task(
            services.claims.claim_next(Asker(instance="pi"), lease=None, by=SYSTEM)
        )
        watching = await asyncpg.connect(url)
        await kinds_waited_for(watching)
        await watching.close()
        await other.execute("INSERT INTO pauses (project, instance) VALUES ('', ''); COMMIT")

        assert await claiming is None


async def test_sighting_elsewhere_does_not_undo_what_was_announced(
    store: PostgresStore, other: asyncpg.Connection[Any], url: str
):
    """A heartbeat with something new waits for whoever has read the instance before."""
    services = services_of(store)
    await services.instances.heartbeat(Heartbeat(instance="pi"), by=SYSTEM)
    watching = await asyncpg.connect(url)
    # As a claim on another replica does that is about to note its sighting.
    await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock_shared({LOCK_QUEUE})")

    announcing = asyncio.create_task(
        services.instances.heartbeat(Heartbeat(instance="pi", labels=("gpu",)), by=SYSTEM)
    )
    waited_for = await kinds_waited_for(watching)
    await watching.close()
    await other.execute("UPDATE instances SET labels = '[]', last_seen = last_seen + 1; COMMIT")
    await announcing

    assert waited_for == {"advisory"}
    [known] = await services.instances.list()
    assert known.instance.labels == ("gpu",)


async def test_instance_that_comes_by_two_ways_at_once_is_told_of_once(
    store: PostgresStore, url: str
):
    """Its first requests may reach two replicas."""
    async with PostgresStore(url) as second:
        ways = [services_of(one) for one in (store, second)]
        await asyncio.gather(
            *(
                way.instances.heartbeat(Heartbeat(instance=f"i{number}"), by=SYSTEM)
                for number in range(20)
                for way in ways
            )
        )
    told = await store.read(lambda reading: events.after(reading, 0, limit=100))

    assert [event.type for event in told] == ["instance.online"] * 20


@pytest.mark.parametrize("projects", [None, ("athena",)])
async def test_claims_lock_no_more_than_they_may_take(
    store: PostgresStore, other: asyncpg.Connection[Any], projects: tuple[str, ...] | None
):
    """Of each place for itself: another replica would pass over the best, and give out worse."""
    services = services_of(store)
    for target in (None, "gpu"):
        for _ in range(5):
            draft = Draft(description="work", project="athena", target=target)
            await services.tasks.submit(draft, by=SYSTEM)
    askers = [Asker(instance=f"i{number}", projects=projects) for number in range(4)]
    askers[0] = replace(askers[0], labels=("gpu",))

    async def act(tx: Transaction) -> list[Any]:
        await foresee(tx, [Needs(asker=asker) for asker in askers])
        return await other.fetch(
            "SELECT target FROM tasks WHERE readiness = 'ready' FOR UPDATE SKIP LOCKED"
        )

    left = [row["target"] for row in await store.run(act, beside=True)]

    assert (left.count(""), left.count("gpu")) == (1, 4)


class Relay:
    """Stands between a store and its database, and cuts the line at a commit: before or after."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._ends: list[asyncio.StreamWriter] = []
        self._passing: list[asyncio.Task[None]] = []
        self.cuts: str | None = None

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._parts._replace(netloc=f"{self._parts.username}@127.0.0.1:{port}"))

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for end in self._ends:
            end.close()
        await asyncio.gather(*self._passing, *(end.wait_closed() for end in self._ends))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far, far_writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._ends += [writer, far_writer]
        back = asyncio.create_task(_pass(far, writer))
        self._passing += [back]
        while data := await reader.read(65536):
            far_writer.write(b"" if self._is_cut(data) == "before" else data)
            if self._is_cut(data):
                back.cancel()
                await back
                if self.cuts == "after":
                    await far.read(65536)
                self.cuts = None
                break
        for end in (writer, far_writer):
            end.close()

    def _is_cut(self, data: bytes) -> str | None:
        return self.cuts if b"COMMIT\0" in data else None


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


async def test_commit_that_was_carried_out_is_no_refusal(url: str):
    """The connection is lost before the answer comes: then the log tells what became of it."""
    relay = Relay(url)

    async with relay as address, PostgresStore(address) as store:
        relay.cuts = "after"
        task = await services_of(store).tasks.submit(Draft(description="work"), by=SYSTEM)
        known = await services_of(store).tasks.get(task.id)

    assert relay.cuts is None
    assert known.description == "work"


async def test_commit_that_never_arrived_is_a_refusal(url: str):
    """Whoever is told that the store is unavailable may do it again: nothing was done."""
    relay = Relay(url)

    async with relay as address, PostgresStore(address) as store:
        relay.cuts = "before"
        with pytest.raises(Unavailable):
            await services_of(store).tasks.submit(Draft(description="work"), by=SYSTEM)
        page = await store.read(lambda reading: events.after(reading, 0, limit=10))

    assert relay.cuts is None
    assert page == []


async def test_acknowledged_write_is_durable_whatever_the_default(url: str):
    """A role or database that is set to lose the last commits does not decide about ours."""
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        name = await pool.fetchval("SELECT current_database()")
        await pool.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    async with PostgresStore(url) as store:
        assert store._readers is not None

        async with store._readers.acquire() as connection:
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
