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
from typing import Final

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


@contextmanager
def seeding(path: Path) -> Iterator[sqlite3.Connection]:
    """A quick connection to a database that nobody serves; what is written is kept at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def add_ready(connection: sqlite3.Connection, count: int, *, project: str = "") -> None:
    """Tasks that anybody may claim."""
    _insert(connection, _PENDING | {"project": f"'{project}'"}, count)


def add_done(connection: sqlite3.Connection, count: int) -> None:
    """Completed tasks."""
    _insert(connection, _DONE, count)


def add_ineligible(connection: sqlite3.Connection, kind: str, count: int) -> None:
    """Tasks in front that cannot be claimed, and what it is that holds them."""
    match kind:
        case "paused project":
            connection.execute("INSERT INTO pauses (project) VALUES ('other')")
        case "busy lanes":
            _insert(connection, _RUNNING | {"lane": f"'lane-' || (n % {_LANES})"}, _LANES)
        case "unmet dependencies":
            _insert(connection, _RUNNING, 1)
    last = _last_id(connection)
    _insert(connection, KINDS[kind], count)
    if kind == "unmet dependencies":
        connection.execute(
            "INSERT INTO task_dependencies (task_id, depends_on) SELECT id, ? FROM tasks"
            " WHERE id > ?",
            (last, last),
        )


def _insert(connection: sqlite3.Connection, columns: dict[str, str], count: int) -> None:
    text = _INSERT.format(columns=", ".join(columns), values=", ".join(columns.values()))
    now, steady = int(time.time() * 1000), int(time.monotonic() * 1000)
    values = {"count": count, "now": now, "steady": steady}
    connection.execute(text, {name: values[name] for name in values if f":{name}" in text})


def _last_id(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT coalesce(max(id), 0) FROM tasks").fetchone()
    return int(row[0])
