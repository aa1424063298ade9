"""What the store holds after the fact, read behind the server's back, and whether it may be so."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import RunningServer
from tests.stored import file_of, rows_of

_ENDED = frozenset({"completed", "failed", "cancelled"})
# (status, event) -> status, spelled out here once more: the server's own table is on trial.
_LEGAL = {
    ("", "task.submitted"): "pending",
    ("pending", "task.claimed"): "in_progress",
    ("pending", "task.cancelled"): "cancelled",
    ("pending", "task.completed"): "completed",  # late
    ("in_progress", "task.completed"): "completed",
    ("in_progress", "task.failed"): "failed",
    ("in_progress", "task.will_retry"): "pending",
    ("in_progress", "task.released"): "pending",
    ("in_progress", "task.parked"): "pending",
    ("in_progress", "task.expired"): "pending",
    ("in_progress", "task.progressed"): "in_progress",
    ("in_progress", "task.cancelled"): "cancelled",
    ("failed", "task.completed"): "completed",  # late
    **{(status, "task.retried"): "pending" for status in _ENDED},
    **{(status, "task.deleted"): "gone" for status in (*_ENDED, "pending")},
    **{(status, "task.changed"): status for status in ("pending", "in_progress", "failed")},
    **{("pending", type_): "pending" for type_ in ("task.ready", "task.blocked")},
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the event log."""

    id: int
    task_id: int | None
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """All tasks and all events of a store."""

    tasks: dict[int, dict[str, Any]]
    events: list[Entry]

    def of_task(self, task_id: int) -> list[Entry]:
        """A task's events, in order."""
        return [event for event in self.events if event.task_id == task_id]

    def count(self, type_: str) -> Counter[tuple[int | None, int | None]]:
        """How many events of a type there are, by task and attempt."""
        return Counter(
            (event.task_id, event.data.get("attempt"))
            for event in self.events
            if event.type == type_
        )

    def check(self) -> None:
        """Every task's events form a legal path that leads to what the task is."""
        paths: dict[int, list[Entry]] = {}
        for event in self.events:
            if event.task_id is not None:
                paths.setdefault(event.task_id, []).append(event)
        assert paths.keys() >= self.tasks.keys(), "a task has no event"
        for task_id, path in paths.items():
            status, attempt = _walk(path)
            row = self.tasks.get(task_id)
            assert status == (row["status"] if row else "gone"), (status, row, path)
            assert row is None or attempt == row["attempt"], (attempt, row, path)


def _walk(path: list[Entry]) -> tuple[str, int]:
    status, attempt = "", 0
    for event in path:
        after = _LEGAL.get((status, event.type))
        assert after is not None, f"{event.type} while {status!r}: {path}"
        attempt += event.type == "task.claimed"
        assert event.data.get("attempt", attempt) == attempt, path
        status = after
    return status, attempt


def history_of(server: RunningServer) -> History:
    """Everything in a server's store, of whichever engine; the server may be dead."""
    file = file_of(server)
    if file is not None:
        return history_in_file(file)
    tasks = rows_of(server, "SELECT * FROM tasks")
    events = rows_of(server, "SELECT * FROM events ORDER BY id")
    return History(tasks={row["id"]: dict(row) for row in tasks}, events=[*map(_entry, events)])


def history_in_file(file: Path) -> History:
    """Everything in a file of SQLite's; it is whole, or this fails."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
        return History(
            tasks={row["id"]: dict(row) for row in db.execute("SELECT * FROM tasks")},
            events=[*map(_entry, db.execute("SELECT * FROM events ORDER BY id"))],
        )


def _entry(row: Any) -> Entry:
    return Entry(row["id"], row["task_id"], row["type"], json.loads(row["data"]))
