"""A PostgreSQL connection as use cases and queries see it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.model.event import Event
from athena.model.instance import Claimer
from athena.model.task import TaskId
from athena.model.text import from_epoch_milliseconds
from athena.store import events
from athena.store.base import Committed, Memory, Record, Row, Values
from athena.store.postgres_batches import Batches
from athena.store.postgres_news import CHANNEL, NEWS_END
from athena.store.statements import Statement
from athena.store.work import Work, events_of

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = Connection[Any] | PoolConnectionProxy[Any]

_NO_VALUES: Final[Values] = {}
# The database's own clock, in whole milliseconds: what all replicas agree on.
CLOCK: Final = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class NotAlone(Exception):
    """The use case ran beside others, and has found that it must not."""


class PostgresReading:
    """One connection within a transaction of its own."""

    __slots__ = ("_connection", "_statements", "now", "steady")

    def __init__(
        self, connection: AnyConnection, statements: Mapping[str, Statement], clock: Clock | None
    ) -> None:
        self._connection = connection
        self._statements = statements
        self.now: datetime
        self.steady: timedelta
        if clock is not None:
            self.now, self.steady = clock.now(), clock.steady()

    def read_clock(self, milliseconds: int, clock: Clock | None) -> None:
        """Have it be this time, by the database; `clock` counts instead where there is one."""
        if clock is None:
            self.now = from_epoch_milliseconds(milliseconds)
            self.steady = timedelta(milliseconds=milliseconds)

    async def fetch_one(self, statement: str, values: Values = _NO_VALUES) -> Row | None:
        """The first row."""
        compiled = self._statements[statement]
        row = await self._connection.fetchrow(compiled.sql, *compiled.bind(values))
        return cast("Row | None", row)

    async def fetch_all(self, statement: str, values: Values = _NO_VALUES) -> Sequence[Row]:
        """All rows."""
        compiled = self._statements[statement]
        rows = await self._connection.fetch(compiled.sql, *compiled.bind(values))
        return cast("Sequence[Row]", rows)


class PostgresTransaction(PostgresReading):
    """A group's transaction. Rows and events wait until something is read, or for the commit."""

    __slots__ = (
        "_batches",
        "_work",
        "chosen",
        "committed",
        "has_company",
        "has_written",
        "memory",
    )

    def __init__(
        self,
        connection: AnyConnection,
        statements: Mapping[str, Statement],
        clock: Clock | None,
        *,
        batches: Batches,
        beside: bool,
    ) -> None:
        super().__init__(connection, statements, clock)
        self._batches = batches
        self.has_company = beside
        self.committed = Committed()
        # Of this transaction alone: other replicas write meanwhile.
        self.memory = Memory()
        self.chosen: dict[Claimer, deque[TaskId]] = {}
        self.has_written = False
        self._work = Work()

    def begin(self) -> None:
        """Be ready for the next use case."""
        self.committed = Committed()
        self.has_written = False
        self._work.begin()

    def take_back(self) -> None:
        """The use case has failed: what it has not written yet is never written."""
        if self._work.take_back():
            self.memory.clear()
            self.chosen = {}

    async def write(self) -> None:
        """Carry out the rows that wait.

        Raises: Unavailable, where one of them is no longer as it was read.
        """
        has_written = self.has_written or self._work.is_begun
        # Should it fail, it may be by another use case's row: all of them are carried out anew.
        self.has_written = True
        for statement, rows in self._work.take_rows().items():
            sql = await self._for_many(statement)
            status: str = await self._connection.execute(sql, *map(list, zip(*rows, strict=True)))
            if _count(status) != len(rows):
                raise Unavailable("A task changed at the same moment; try again.")
        self.has_written = has_written

    async def write_records(self, news: str | None) -> list[Event]:
        """Write the log's new records, and give them as the events that they have become.

        All replicas are told, once this is committed; `news` is what, see `news_of`.
        """
        records = self._work.take_records()
        if not records:
            return []
        bind = self._statements["insert_event"].bind
        lists = [*map(list, zip(*(bind(events.values_of(r)) for r in records), strict=True))]
        insert = await self._for_many("insert_event")
        added = f"WITH added AS ({insert} RETURNING id) SELECT array_agg(id ORDER BY id)"
        if news is None:
            ids: list[int] = await self._connection.fetchval(f"{added} FROM added", *lists)
        else:
            told = f"${len(lists) + 1}::text || max(id) || '{NEWS_END}'"
            ids = await self._connection.fetchval(
                f"{added}, pg_notify('{CHANNEL}', {told}) FROM added", *lists, news
            )
        return events_of(records, ids)

    async def _for_many(self, statement: str) -> str:
        one = self._statements[statement].sql
        return await self._batches.sql(self._connection, statement, one)

    async def alone(self) -> None:
        """See `Transaction`.

        Raises: NotAlone, where the use case has to be begun anew.
        """
        if self.has_company:
            raise NotAlone

    async def fetch_one(self, statement: str, values: Values = _NO_VALUES) -> Row | None:
        """The first row."""
        if self._work.rows:
            await self.write()
        return await super().fetch_one(statement, values)

    async def fetch_all(self, statement: str, values: Values = _NO_VALUES) -> Sequence[Row]:
        """All rows."""
        if self._work.rows:
            await self.write()
        return await super().fetch_all(statement, values)

    async def execute(self, statement: str, values: Values = _NO_VALUES) -> int:
        """The number of rows changed."""
        if self._work.rows:
            await self.write()
        self.has_written = True
        compiled = self._statements[statement]
        return _count(await self._connection.execute(compiled.sql, *compiled.bind(values)))

    async def insert(self, statement: str, values: Values) -> int:
        """The id of the new row."""
        if self._work.rows:
            await self.write()
        self.has_written = True
        compiled = self._statements[statement]
        sql = f"{compiled.sql} RETURNING id"
        return cast("int", await self._connection.fetchval(sql, *compiled.bind(values)))

    async def defer(self, statement: str, row: object, values: Values) -> None:
        """See `Transaction`."""
        if not self._work.may_add(row):
            await self.write()
        self._work.add(statement, row, self._statements[statement].bind(values))

    async def record(self, record: Record) -> None:
        """See `Transaction`."""
        self._work.records.append(record)


def _count(status: str) -> int:
    """How many rows a command says that it has changed: `UPDATE 3`, `INSERT 0 1`."""
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
