"""The SQLite engine: one writer, several readers, one file."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar, cast

import aiosqlite

from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.model.text import epoch_milliseconds, milliseconds
from athena.store import events, sqlite_files
from athena.store.base import (
    NO_NEEDS,
    Committed,
    Needs,
    Query,
    Role,
    Row,
    Store,
    Transaction,
    UseCase,
    Values,
)
from athena.store.sqlite_batches import Batches
from athena.store.sqlite_transaction import as_unavailable, by_name
from athena.store.sqlite_writer import SQLiteWriter
from athena.store.statements import Statement, compile_statement, load_statements

T = TypeVar("T")

_READERS: Final = 2
_NO_VALUES: Final[Values] = {}
# A slice of a vacuum holds the writer for some milliseconds, not longer.
_PAGES_FREED_AT_ONCE: Final = 500


class SQLiteReading:
    """One snapshot of the file, by one of the readers."""

    __slots__ = ("_connection", "_statements", "now", "steady")

    def __init__(
        self, connection: aiosqlite.Connection, statements: Mapping[str, Statement], clock: Clock
    ) -> None:
        self._connection = connection
        self._statements = statements
        self.now: datetime = clock.now()
        self.steady: timedelta = clock.steady()

    async def fetch_one(self, statement: str, values: Values = _NO_VALUES) -> Row | None:
        """The first row."""
        rows = await self.fetch_all(statement, values)
        return rows[0] if rows else None

    async def fetch_all(self, statement: str, values: Values = _NO_VALUES) -> Sequence[Row]:
        """All rows."""
        compiled = self._statements[statement]
        rows = await self._connection.execute_fetchall(compiled.sql, compiled.bind(values))
        return cast("Sequence[Row]", rows)


class SQLiteStore(Store):
    """A store in one file, served by one process; commands may visit it meanwhile."""

    def __init__(self, path: Path, clock: Clock, role: Role = Role.SERVER) -> None:
        super().__init__()
        self._path = path
        self._clock = clock
        self._role = role
        named = load_statements(sqlite_files.ENGINE)
        self._statements = {name: compile_statement(sql, "?") for name, sql in named.items()}
        self._batches = Batches(named)
        self._resources = ExitStack()
        self._writer: SQLiteWriter | None = None
        self._readers: list[aiosqlite.Connection] = []
        self._idle: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        self._data_version: int | None = None

    async def open(self) -> None:
        """See `Store.open`. The server locks the file until `close`."""
        try:
            await self._prepare()
            self._writer = SQLiteWriter(
                self._path,
                statements=self._statements,
                batches=self._batches,
                clock=self._clock,
                tell=self.tell,
            )
            await self._open_readers()
            self._data_version = await self._writer.call(_data_version)
            if self._role is Role.SERVER:
                await self.run(_renew_all_leases)
        except BaseException:
            await asyncio.shield(self.close())
            raise

    async def _prepare(self) -> None:
        if self._role is Role.SERVER:
            self._resources.enter_context(sqlite_files.locked(self._path))
            await asyncio.to_thread(sqlite_files.prepare, self._path)
        else:
            await asyncio.to_thread(sqlite_files.prepare_for_visitor, self._path)

    async def _open_readers(self) -> None:
        for _ in range(_READERS):
            reader = await aiosqlite.connect(self._path, isolation_level=None, timeout=5.0)
            self._readers.append(reader)
            reader.row_factory = by_name  # type: ignore[assignment]  # annotated too narrowly
            for pragma in sqlite_files.pragmas(read_only=True):
                await reader.execute(pragma)
            self._idle.put_nowait(reader)

    async def close(self) -> None:
        """See `Store.close`."""
        readers, self._readers = self._readers, []
        for reader in readers:
            await reader.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()
        self._resources.close()

    @property
    def _open_writer(self) -> SQLiteWriter:
        if self._writer is None:
            raise Unavailable("Athena is stopping; try again in a moment.")
        return self._writer

    @property
    def is_shared(self) -> bool:
        """See `Store`; the file is locked by its one server."""
        return False

    async def run(
        self,
        use_case: UseCase[T],
        *,
        needs: Needs = NO_NEEDS,
        beside: bool = False,  # noqa: ARG002  (one writer: nothing runs beside anything)
    ) -> T:
        """See `Store.run`."""
        return await self._open_writer.run(use_case, needs)

    async def read(self, query: Query[T]) -> T:
        """See `Store.read`."""
        if not self._readers:
            raise Unavailable("Athena is stopping; try again in a moment.")
        reader = await self._idle.get()
        try:
            try:
                # A caller that is cut off here has begun all the same, on the reader's thread.
                await reader.execute("BEGIN")
                return await query(SQLiteReading(reader, self._statements, self._clock))
            finally:
                # After an I/O error SQLite has ended it by itself; the error is what counts.
                with contextlib.suppress(sqlite3.Error):
                    await reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise as_unavailable(error) or error from error
        finally:
            self._idle.put_nowait(reader)

    async def is_writable(self) -> bool:
        """Whether a commit reaches the disk: the schema number is written over itself."""
        try:
            await self._open_writer.call(_write_something)
        except (Unavailable, sqlite3.Error):
            return False
        return True

    async def check_for_foreign_writes(self) -> None:
        """See `Store`; by the number that SQLite changes when another connection has committed."""
        version = await self._open_writer.call(_data_version)
        if version != self._data_version:
            self._data_version = version
            self.tell(Committed(wake_all=True, elsewhere=await self.read(events.last_id)))

    async def tidy(self) -> None:
        """Free all pages that are not needed, and shorten the write-ahead log.

        Slice by slice: use cases are carried out in between.
        """
        while await self._open_writer.call(_free_pages):
            pass
        await self._open_writer.call(_shorten_log)

    async def backup(self, target: Path) -> None:
        """See `Store.backup`; by `VACUUM INTO` on a connection of its own."""
        await asyncio.to_thread(sqlite_files.copy_database, self._path, target)


async def _renew_all_leases(tx: Transaction) -> None:
    await tx.execute(
        "renew_all_leases",
        {"steady": milliseconds(tx.steady), "now": epoch_milliseconds(tx.now)},
    )


def _data_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def _write_something(connection: sqlite3.Connection) -> None:
    version = sqlite_files.schema_version(connection)
    connection.execute(f"PRAGMA user_version = {version}")


def _free_pages(connection: sqlite3.Connection) -> bool:
    """One slice; gives whether the next one can free more."""
    before = _free_page_count(connection)
    # As a script: the pragma frees a page a step, and `execute` makes one step only.
    connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_FREED_AT_ONCE})")
    return 0 < _free_page_count(connection) < before


def _free_page_count(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return count


def _shorten_log(connection: sqlite3.Connection) -> None:
    # Without waiting for readers: everybody would wait for this thread meanwhile.
    patience: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")
