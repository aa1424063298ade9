"""The writer's connection to a SQLite store as use cases see it, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.model.event import Event
from athena.model.instance import Claimer
from athena.model.task import TaskId
from athena.store import events
from athena.store.base import Committed, Memory, Record, Row, Values
from athena.store.sqlite_batches import Batches
from athena.store.statements import Statement
from athena.store.work import Bound, Work, events_of

_NO_VALUES: Final[Values] = {}
# Errors of the disk or of another process, not of ours: the request may be tried again.
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def as_unavailable(error: sqlite3.Error) -> Unavailable | None:
    """The refusal that a storage error stands for; None where the error is a bug of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _PASSING:
        return None
    return Unavailable(f"The store cannot do this now ({error.sqlite_errorname}); try again.")


def by_name(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Row:
    """The row as a dict: sqlite3's own Row goes through all names at every look."""
    return dict(zip([column[0] for column in cursor.description], row, strict=True))


class SQLiteTransaction:
    """The writer's connection as a use case sees it. Its awaits never suspend."""

    has_company = False

    __slots__ = (
        "_batches",
        "_connection",
        "_statements",
        "_work",
        "chosen",
        "committed",
        "has_written",
        "memory",
        "now",
        "steady",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        statements: Mapping[str, Statement],
        batches: Batches,
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._batches = batches
        self._work = Work()
        self.now: datetime
        self.steady: timedelta
        self.committed = Committed()
        self.memory = Memory()
        self.chosen: dict[Claimer, deque[TaskId]] = {}
        self.has_written = False

    def look_at(self, clock: Clock) -> None:
        """Have it be this time for the use cases that follow."""
        self.now, self.steady = clock.now(), clock.steady()

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

    def forget(self) -> None:
        """What was done has been rolled back."""
        self._work.clear()
        self.memory.clear()
        self.chosen = {}

    def write(self) -> None:
        """Carry out the rows that wait.

        Raises: Unavailable, where one of them is no longer as it was read; sqlite3.Error.
        """
        has_written = self.has_written or self._work.is_begun
        # Should it fail, it may be by another use case's row: all of them are carried out anew.
        self.has_written = True
        for statement, rows in self._work.take_rows().items():
            self._write_rows(statement, rows)
        self.has_written = has_written

    def _write_rows(self, statement: str, rows: Sequence[Bound]) -> None:
        one = self._statements[statement].sql
        for sql, count, values in self._batches.cut(statement, rows):
            if self._connection.execute(sql or one, values).rowcount != count:
                raise Unavailable("A task changed at the same moment; try again.")

    def write_records(self) -> list[Event]:
        """Write the log's new records, and give them as the events that they have become."""
        records = self._work.take_records()
        if not records:
            return []
        bind = self._statements["insert_event"].bind
        self._write_rows("insert_event", [bind(events.values_of(record)) for record in records])
        # One writer, and ids that are never reused: they follow one another.
        last: int = self._connection.execute("SELECT last_insert_rowid()").fetchone()[0]
        return events_of(records, range(last - len(records) + 1, last + 1))

    async def alone(self) -> None:
        """See `Transaction`; there is but one writer."""

    async def fetch_one(self, statement: str, values: Values = _NO_VALUES) -> Row | None:
        """The first row."""
        if self._work.rows:
            self.write()
        compiled = self._statements[statement]
        cursor = self._connection.execute(compiled.sql, compiled.bind(values))
        row = cursor.fetchone()
        return None if row is None else by_name(cursor, row)

    async def fetch_all(self, statement: str, values: Values = _NO_VALUES) -> Sequence[Row]:
        """All rows."""
        if self._work.rows:
            self.write()
        compiled = self._statements[statement]
        cursor = self._connection.execute(compiled.sql, compiled.bind(values))
        return [by_name(cursor, row) for row in cursor]

    async def execute(self, statement: str, values: Values = _NO_VALUES) -> int:
        """The number of rows changed."""
        if self._work.rows:
            self.write()
        self.has_written = True
        compiled = self._statements[statement]
        return self._connection.execute(compiled.sql, compiled.bind(values)).rowcount

    async def insert(self, statement: str, values: Values) -> int:
        """The id of the new row. RETURNING would cost half as much again."""
        if self._work.rows:
            self.write()
        self.has_written = True
        compiled = self._statements[statement]
        cursor = self._connection.execute(compiled.sql, compiled.bind(values))
        return cast("int", cursor.lastrowid)

    async def defer(self, statement: str, row: object, values: Values) -> None:
        """See `Transaction`."""
        if not self._work.may_add(row):
            self.write()
        self._work.add(statement, row, self._statements[statement].bind(values))

    async def record(self, record: Record) -> None:
        """See `Transaction`."""
        self._work.records.append(record)
