"""Pages of tasks: pending in claim order, then running by claim, then ended ones newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from athena.model.lifecycle import ENDED, Status
from athena.model.page import Page, TaskFilter, cursor_for, position_of
from athena.model.task import Task
from athena.model.text import epoch_milliseconds
from athena.store.base import Reading, Value
from athena.store.task_rows import from_row
from athena.store.tasks import end_values, with_all_dependencies

_BEFORE_ALL: Final = -1
_AFTER_ALL: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the three orders: its statement, and where it starts."""

    number: int
    statement: str
    statuses: frozenset[Status]
    start: int


_PARTS: Final = (
    _Part(0, "list_pending", frozenset({Status.PENDING}), _BEFORE_ALL),
    _Part(1, "list_running", frozenset({Status.IN_PROGRESS}), _BEFORE_ALL),
    _Part(2, "list_ended", ENDED, _AFTER_ALL),
)


async def list_tasks(
    reading: Reading, wanted: TaskFilter, *, limit: int, cursor: str | None
) -> Page[Task]:
    """The page after the cursor.

    Raises: Invalid, for a cursor that is not one of ours.
    """
    found: list[Task] = []
    first, key, last_id = position_of(cursor, parts=len(_PARTS)) if cursor else (0, None, None)
    for part in _parts_from(first, wanted):
        after = (key, last_id) if part.number == first and key is not None else None
        found += await _fetch(reading, part, wanted, after, limit + 1 - len(found))
        if len(found) > limit:
            break
    page = await with_all_dependencies(reading, found[:limit])
    more = len(found) > limit and page
    return Page(tuple(page), _cursor(page[-1]) if more else None)


def _parts_from(first: int, wanted: TaskFilter) -> Iterator[_Part]:
    return (part for part in _PARTS[first:] if part.statuses & wanted.statuses)


async def _fetch(
    reading: Reading,
    part: _Part,
    wanted: TaskFilter,
    after: tuple[int | None, int | None] | None,
    limit: int,
) -> Sequence[Task]:
    key, last_id = after or (part.start, part.start)
    values: dict[str, Value] = {
        "after_key": key,
        "after_id": last_id,
        "project": wanted.project,
        "target": wanted.target,
        "claimed_by": wanted.claimed_by,
        "created_by": wanted.created_by,
        "priority": None if wanted.priority is None else wanted.priority.rank,
        "q": None if wanted.text is None else _like(wanted.text),
        "limit": limit,
    }
    if part.statuses == ENDED:
        values |= end_values(wanted.statuses)
    return [from_row(row) for row in await reading.fetch_all(part.statement, values)]


def _like(text: str) -> str:
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"


def _cursor(task: Task) -> str:
    match task.status:
        case Status.PENDING:
            return cursor_for(0, task.priority.rank, task.id)
        case Status.IN_PROGRESS:
            return cursor_for(1, _milliseconds(task.claimed_at), task.id)
        case _:
            return cursor_for(2, _milliseconds(task.completed_at), task.id)


def _milliseconds(at: datetime | None) -> int:
    return 0 if at is None else epoch_milliseconds(at)
