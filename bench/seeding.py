"""Fills a store by plain SQL: a million tasks in seconds, where the API would take many minutes.

The rows are what the services would have written, at rest: constraints and indexes are the
store's own. Only the events of their past are left out.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from tests.postgres import Databases

DESCRIPTION: Final = "Deploy the new monitoring stack, and see that every host reports to it"
_URGENT, _MEDIUM = 0, 2
_AHEAD_MS: Final = 30 * 24 * 3600 * 1000
_LANES: Final = 100

_INSERT: Final = """
INSERT INTO tasks ({columns})
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
SELECT {values} FROM numbers
"""
# Values are SQL expressions; `n` counts the rows from 1.
_PENDING: Final[dict[str, str]] = {
    "description": f"'{DESCRIPTION}'",
    "status": "'pending'",
    "priority": str(_MEDIUM),
    "created_at": ":now",
    "created_via": "'api'",
    "submitter": "'key:bench'",
    "updated_at": ":now",
    "max_attempts": "3",
    "readiness": "'ready'",
    "offered_to": "''",
}
_RUNNING: Final[dict[str, str]] = _PENDING | {
    "status": "'in_progress'",
    "readiness": "NULL",
    "offered_to": "NULL",
    "attempt": "1",
    "claimed_by": "'elsewhere'",
    "claimed_at": ":now",
    "lease_ms": str(_AHEAD_MS),
    "lease_deadline": f":steady + {_AHEAD_MS}",
    "lease_expires_at": f":now + {_AHEAD_MS}",
}
_DONE: Final[dict[str, str]] = _PENDING | {
    "status": "'completed'",
    "readiness": "NULL",
    "offered_to": "NULL",
    "attempt": "1",
    "claimed_by": "'bench'",
    "claimed_at": ":now",
    "completed_at": ":now + n",
    "notes": "'Done.'",
}
# Ineligible tasks stand in front: more urgent, and submitted before.
_IN_FRONT: Final[dict[str, str]] = _PENDING | {"priority": str(_URGENT)}

KINDS: Final[Mapping[str, dict[str, str]]] = {
    "other target": _IN_FRONT | {"target": "'elsewhere'", "offered_to": "'elsewhere'"},
    "other project": _IN_FRONT | {"project": "'other'"},
    "paused project": _IN_FRONT | {"project": "'other'"},
    "busy lanes": _IN_FRONT | {"lane": f"'lane-' || (n % {_LANES})", "readiness": "'held'"},
    "unmet dependencies": _IN_FRONT | {"readiness": "'blocked'", "dependencies": "1", "unmet": "1"},
    "not_before ahead": _IN_FRONT
    | {
        "readiness": "'scheduled'",
        "not_before": f":now + {_AHEAD_MS}",
        "due_at": f":now + {_AHEAD_MS}",
    },
    "parked": _IN_FRONT
    | {
        "readiness": "'parked'",
        "attempt": "1",
        "parked_until": f":now + {_AHEAD_MS}",
        "due_at": f":now + {_AHEAD_MS}",
        "affinity": "'elsewhere'",
        "offered_to": "'elsewhere'",
    },
}


class Filling(Protocol):
    """A quick connection to a database that nobody serves; what is written is kept at the end."""

    def execute(self, sql: str) -> None: ...

    def number(self, sql: str) -> int:
        """The only number that a query gives."""

    def steady_ms(self) -> int:
        """The clock of leases, which is another for each engine."""


class _SQLiteFilling:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str) -> None:
        self._connection.execute(sql)

    def number(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchone()[0])

    def steady_ms(self) -> int:
        return int(time.monotonic() * 1000)


class _PostgresFilling:
    def __init__(self, server: Databases, database: str) -> None:
        self._server, self._database = server, database

    def execute(self, sql: str) -> None:
        self._server.execute(f"SET synchronous_commit = off; {sql}", database=self._database)

    def number(self, sql: str) -> int:
        return int(self._server.query(sql, database=self._database)[0][0])

    def steady_ms(self) -> int:
        return int(time.time() * 1000)


@contextmanager
def filling_sqlite(path: Path) -> Iterator[Filling]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        yield _SQLiteFilling(connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def filling_postgres(server: Databases, database: str) -> Iterator[Filling]:
    yield _PostgresFilling(server, database)
    # What autovacuum would have done by the time that a queue has grown so long.
    server.execute("VACUUM ANALYZE", database=database)
    server.execute("CHECKPOINT")


def add_ready(filling: Filling, count: int, *, project: str = "") -> None:
    """Tasks that anybody may claim."""
    _insert(filling, _PENDING | {"project": f"'{project}'"}, count)


def add_done(filling: Filling, count: int) -> None:
    """Completed tasks."""
    _insert(filling, _DONE, count)


def add_ineligible(filling: Filling, kind: str, count: int) -> None:
    """Tasks in front that cannot be claimed, and what it is that holds them."""
    match kind:
        case "paused project":
            filling.execute("INSERT INTO pauses (project) VALUES ('other')")
        case "busy lanes":
            _insert(filling, _RUNNING | {"lane": f"'lane-' || (n % {_LANES})"}, _LANES)
        case "unmet dependencies":
            _insert(filling, _RUNNING, 1)
    last = filling.number("SELECT coalesce(max(id), 0) FROM tasks")
    _insert(filling, KINDS[kind], count)
    if kind == "unmet dependencies":
        filling.execute(
            f"INSERT INTO task_dependencies (task_id, depends_on) SELECT id, {last} FROM tasks"
            f" WHERE id > {last}"
        )


def _insert(filling: Filling, columns: dict[str, str], count: int) -> None:
    text = _INSERT.format(columns=", ".join(columns), values=", ".join(columns.values()))
    # Both engines read numbers in the text; how they are bound differs.
    values = {":count": count, ":now": int(time.time() * 1000), ":steady": filling.steady_ms()}
    for name, value in values.items():
        text = text.replace(name, str(value))
    filling.execute(text)
