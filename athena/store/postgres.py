"""The PostgreSQL engine: several processes on one database, each with all its use cases."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any, Final, TypeVar

import asyncpg

from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.store import events
from athena.store.base import (
    NO_NEEDS,
    Committed,
    Needs,
    Query,
    Role,
    Store,
    StoreUnusable,
    UseCase,
)
from athena.store.postgres_batches import Batches
from athena.store.postgres_connections import (
    ENGINE,
    LOCK_EVENTS,
    as_unavailable,
    options,
    prepare,
    prepare_for_visitor,
)
from athena.store.postgres_news import News, can_announce
from athena.store.postgres_transaction import CLOCK, PostgresReading
from athena.store.postgres_writer import PostgresWriter
from athena.store.statements import compile_statement, load_statements

T = TypeVar("T")

_READERS: Final = 4
# A page of an export may be a while on its way to a slow disk.
_READER_IDLE_SECONDS: Final = 60
# Whoever waits for a connection is answered in time, also where each takes its time to fail.
_ACQUIRE_SECONDS_MAX: Final = 5.0
# A stop takes ten seconds at most, of which others need some.
_CLOSE_SECONDS_MAX: Final = 2.0
_END_SECONDS_MAX: Final = 2.0
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresStore(Store):
    """A store on a PostgreSQL server, which other replicas use as well.

    `clock` stands in for the database's own in tests.
    """

    def __init__(self, url: str, clock: Clock | None = None, role: Role = Role.SERVER) -> None:
        super().__init__()
        self._url = url
        self._clock = clock
        self._role = role
        named = load_statements(ENGINE)
        self._statements = {name: compile_statement(sql, "$") for name, sql in named.items()}
        self._batches = Batches(named, {"insert_event": LOCK_EVENTS})
        self._name = secrets.token_hex(8)
        self._pools: list[asyncpg.Pool[Any]] = []
        self._readers: asyncpg.Pool[Any] | None = None
        self._writer: PostgresWriter | None = None
        self._news = News(url, self._name, self.tell)

    async def open(self) -> None:
        """See `Store.open`. Leases are renewed by whoever leads, after an outage only."""
        try:
            is_server = self._role is Role.SERVER
            await (prepare if is_server else prepare_for_visitor)(self._url)
            pool = await self._open_pool(PostgresWriter.connections(), by_index=True)
            self._readers = await self._open_pool(_READERS, idle_seconds=_READER_IDLE_SECONDS)
            async with pool.acquire() as connection:
                announces = await can_announce(connection, self._name)
            self._writer = PostgresWriter(
                pool,
                statements=self._statements,
                batches=self._batches,
                clock=self._clock,
                replica=self._name,
                announces=announces,
                tell=self._tell_own,
            )
            if is_server:
                self._news.start(await self.read(events.last_id))
        except BaseException:
            await self.close()
            raise

    async def _open_pool(self, size: int, **how: Any) -> asyncpg.Pool[Any]:
        try:
            pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=size,
                init=_make_durable,
                reset=_leave_as_it_is,
                **options(**how),
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise StoreUnusable("PostgreSQL went away while Athena started.") from error
        self._pools.append(pool)
        return pool

    def _tell_own(self, committed: Committed) -> None:
        if committed.events:
            self._news.note(committed.events[0].id, committed.events[-1].id)
        self.tell(committed)

    async def close(self) -> None:
        """See `Store.close`."""
        writer, self._writer = self._writer, None
        self._readers = None
        pools, self._pools = self._pools, []
        try:
            async with asyncio.timeout(_CLOSE_SECONDS_MAX):
                await self._news.stop()
                if writer is not None:
                    await writer.close()
                for pool in pools:
                    await pool.close()
        except TimeoutError:
            # A server that does not answer must not keep us from stopping.
            for pool in pools:
                pool.terminate()

    @property
    def is_shared(self) -> bool:
        """See `Store`."""
        return True

    async def run(
        self, use_case: UseCase[T], *, needs: Needs = NO_NEEDS, beside: bool = False
    ) -> T:
        """See `Store.run`."""
        if self._writer is None:
            raise Unavailable("Athena is stopping; try again in a moment.")
        return await self._writer.run(use_case, needs, beside=beside)

    async def read(self, query: Query[T]) -> T:
        """See `Store.read`."""
        if self._readers is None:
            raise Unavailable("Athena is stopping; try again in a moment.")
        try:
            async with self._readers.acquire(timeout=_ACQUIRE_SECONDS_MAX) as connection:
                try:
                    await connection.execute(_SNAPSHOT)
                    milliseconds = await connection.fetchval(f"SELECT {CLOCK}")
                    reading = PostgresReading(connection, self._statements, self._clock)
                    reading.read_clock(milliseconds, self._clock)
                    return await query(reading)
                except (asyncio.CancelledError, TimeoutError):
                    # Nobody waits any more, and nobody should wait for a server that hangs.
                    _cut(connection)
                    raise
                finally:
                    await _end(connection)
        except Exception as error:
            refusal = as_unavailable(error)
            if refusal is None:
                raise
            raise refusal from error

    async def is_writable(self) -> bool:
        """Whether a commit is taken: the schema's number is written over itself."""
        if self._readers is None:
            return False
        try:
            async with self._readers.acquire(timeout=2) as connection:
                await connection.execute("UPDATE schema_version SET version = version", timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    async def check_for_foreign_writes(self) -> None:
        """See `Store`; the safety net under NOTIFY."""
        self._news.look(await self.read(events.last_id))

    async def tidy(self) -> None:
        """Nothing to do: PostgreSQL's autovacuum gives space back."""

    async def backup(self, target: Path) -> None:
        """See `Store.backup`.

        Raises: StoreUnusable: PostgreSQL has better tools than a copy by us.
        """
        raise StoreUnusable(
            f"Back up PostgreSQL with pg_dump, or write a portable copy: athena export {target}"
        )


async def _make_durable(connection: asyncpg.Connection[Any]) -> None:
    """What is acknowledged is on disk, whatever the database's default; stricter ones stay."""
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )


async def _leave_as_it_is(_connection: object) -> None:
    """What is given back to the pool has no transaction open, and nothing else to be undone."""


async def _end(connection: Any) -> None:
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK", timeout=_END_SECONDS_MAX)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        _cut(connection)


def _cut(connection: Any) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # the pool has it back, if it was lost
        connection.terminate()
