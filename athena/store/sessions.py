"""Sessions and their rows: one for each task's part in each session, added up when asked for.

Derived from rows of their own, and not from the tasks: a retry clears a task's result, and an
attempt may begin another session. Not kept as one row a session either: the ends of several tasks
would meet in it. The row is written where a session is named, claimed with, or told the cost of;
what has no session writes nothing. It goes with its task, and a session goes with its last task.
"""

from __future__ import annotations

from typing import Final

from athena.model.errors import SessionNotFound
from athena.model.page import Page, cursor_for, position_of
from athena.model.session import Session, SessionUse
from athena.model.task import Task, TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store.base import Reading, Row, Transaction, Value
from athena.store.task_rows import from_row
from athena.store.tasks import with_all_dependencies

_AFTER_ALL: Final = 1 << 62


async def note_use(tx: Transaction, use: SessionUse) -> None:
    """Add to the task's part in the session. The caller has locked the task."""
    await tx.defer(
        "note_session_use",
        ("session use", use.session_id, use.task_id),
        {
            "session_id": use.session_id,
            "task_id": use.task_id,
            "project": use.project or "",
            "instance": use.instance,
            "first_at": epoch_milliseconds(use.first_at),
            "last_at": epoch_milliseconds(use.last_at),
            "cost_usd": use.cost_usd,
            "turns": use.turns,
        },
    )


async def list_sessions(
    reading: Reading, *, project: str | None, limit: int, cursor: str | None
) -> Page[Session]:
    """A page of sessions, that with the newest use first.

    Raises: Invalid, for a cursor that is not one of ours.
    """
    _, after_at, after_task = position_of(cursor, parts=1) if cursor else (0, *[_AFTER_ALL] * 2)
    values: dict[str, Value] = {
        "project": project,
        "after_at": after_at,
        "after_task": after_task,
        "limit": limit + 1,
    }
    rows = await reading.fetch_all("list_sessions", values)
    page = [_session(row) for row in rows[:limit]]
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(tuple(page), cursor_for(0, last["last_at"], last["task_id"]) if last else None)


async def get(reading: Reading, session_id: str) -> Session:
    """The session.

    Raises: SessionNotFound.
    """
    row = await reading.fetch_one("get_session", {"session_id": session_id})
    if row is None:
        raise SessionNotFound
    return _session(row)


async def tasks_of(reading: Reading, session_id: str, *, after: int, limit: int) -> Page[Task]:
    """The session's tasks in the order in which they were submitted."""
    values: dict[str, Value] = {"session_id": session_id, "after": after, "limit": limit + 1}
    rows = await reading.fetch_all("tasks_of_session", values)
    page = await with_all_dependencies(reading, [from_row(row) for row in rows[:limit]])
    return Page(tuple(page), str(page[-1].id) if len(rows) > limit else None)


def _session(row: Row) -> Session:
    return Session(
        id=row["session_id"],
        project=row["project"] or None,
        instance=row["instance"],
        first_at=from_epoch_milliseconds(row["first_at"]),
        last_at=from_epoch_milliseconds(row["last_at"]),
        tasks=row["tasks"],
        cost_usd=row["cost_usd"],
        turns=row["turns"],
        last_task=TaskId(row["task_id"]),
    )
