"""Groups of use cases on PostgreSQL, beside each other and alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
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
from athena.service.services import Services, build_services
from athena.store import events
from athena.store.base import Transaction
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
