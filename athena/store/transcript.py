"""Transcripts and their rows.

All of a task's transcript is changed under the lock on its task, so that its ids have no gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from athena.model import limits
from athena.model.lifecycle import Status
from athena.model.task import TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.model.transcript import Extent, Line, LineKind, Said, shortened
from athena.store.base import Reading, Row, Transaction
from athena.store.columns import json_column, json_object

# How many of the oldest lines are looked at at once at least, to find out how many have to go.
_LOOK_AT_MIN: Final = 20
_KIND: Final = {kind.value: kind for kind in LineKind}


@dataclass(frozen=True, slots=True)
class Numbering:
    """Who sends the lines of an attempt, and the number that its next line has."""

    instance: str
    next_number: int


async def numbering(tx: Transaction, task_id: TaskId, attempt: int) -> Numbering | None:
    """How far the attempt's lines have come; None where there is none yet."""
    values = {"task_id": task_id, "attempt": attempt}
    row = await tx.fetch_one("get_transcript_attempt", values)
    return None if row is None else Numbering(row["instance"], row["next_number"])


async def claimer_of(
    reading: Reading, task_id: TaskId, attempt: int, *, current: int
) -> str | None:
    """Who claimed the task as this attempt, as far as the log is kept; `current`: the last one."""
    values = {"task_id": task_id, "later": current - attempt}
    row = await reading.fetch_one("claim_of_attempt", values)
    said = {} if row is None else json_object(row["data"])
    instance = said.get("instance")
    return instance if isinstance(instance, str) and said.get("attempt") == attempt else None


async def append(
    tx: Transaction,
    task_id: TaskId,
    *,
    attempt: int,
    instance: str,
    first: int,
    lines: Sequence[Said],
) -> None:
    """Keep lines, numbered from `first`, and let the oldest go where the task has too many.

    The caller has locked the task.
    """
    texts = [shortened(line.text) for line in lines]
    sizes = [len(text.encode()) for text in texts]
    extent = await _make_room(tx, task_id, lines=len(lines), text_bytes=sum(sizes))
    await tx.defer(
        "save_transcript",
        ("transcript", task_id),
        {
            "task_id": task_id,
            "last_id": extent.last_id + len(lines),
            "lines": extent.lines + len(lines),
            "text_bytes": extent.text_bytes + sum(sizes),
        },
    )
    await tx.defer(
        "save_transcript_attempt",
        ("transcript attempt", task_id, attempt),
        {
            "task_id": task_id,
            "attempt": attempt,
            "instance": instance,
            "next_number": first + len(lines),
        },
    )
    for place, (line, text, size) in enumerate(zip(lines, texts, sizes, strict=True)):
        line_id = extent.last_id + 1 + place
        await tx.defer(
            "insert_transcript_line",
            ("transcript line", task_id, line_id),
            {
                "task_id": task_id,
                "id": line_id,
                "attempt": attempt,
                "number": first + place,
                "at": epoch_milliseconds(line.at or tx.now),
                "kind": line.kind.value,
                "text": text,
                "text_bytes": size,
            },
        )


async def _make_room(tx: Transaction, task_id: TaskId, *, lines: int, text_bytes: int) -> Extent:
    """What is kept once the oldest lines have gone that are too many with the new ones."""
    row = await tx.fetch_one("get_transcript", {"task_id": task_id})
    if row is None:
        return Extent()
    extent = _extent(row)
    lines_over = extent.lines + lines - limits.LINES_OF_A_TASK_MAX
    bytes_over = extent.text_bytes + text_bytes - limits.TEXT_BYTES_OF_A_TASK_MAX
    through, gone, freed = extent.dropped, 0, 0
    while gone < lines_over or freed < bytes_over:
        look_at = max(lines_over - gone, _LOOK_AT_MIN)
        values = {"task_id": task_id, "after": through, "limit": look_at}
        oldest = await tx.fetch_all("oldest_transcript_lines", values)
        for old in oldest:
            if gone >= lines_over and freed >= bytes_over:
                break
            through, gone, freed = old["id"], gone + 1, freed + old["text_bytes"]
        if not oldest:
            break
    if gone:
        await tx.execute("delete_transcript_lines", {"task_id": task_id, "through": through})
    return Extent(
        last_id=extent.last_id, lines=extent.lines - gone, text_bytes=extent.text_bytes - freed
    )


async def state(reading: Reading, task_id: TaskId) -> tuple[Status, Extent] | None:
    """The task's status and the extent of its transcript; None where there is no such task."""
    row = await reading.fetch_one("get_transcript_state", {"task_id": task_id})
    return None if row is None else (Status(row["status"]), _extent(row))


async def lines_after(
    reading: Reading, task_id: TaskId, after: int, *, limit: int
) -> tuple[Line, ...]:
    """The lines after a position, in order."""
    values = {"task_id": task_id, "after": after, "limit": limit}
    return tuple(_line(row) for row in await reading.fetch_all("transcript_lines_after", values))


async def extents(reading: Reading, task_ids: Iterable[TaskId]) -> dict[TaskId, Extent]:
    """The extents of the transcripts of those of the tasks that have one."""
    values = {"ids": json_column(sorted(task_ids))}
    rows = await reading.fetch_all("transcript_extents", values)
    return {TaskId(row["task_id"]): _extent(row) for row in rows}


def _extent(row: Row) -> Extent:
    return Extent(last_id=row["last_id"], lines=row["lines"], text_bytes=row["text_bytes"])


def _line(row: Row) -> Line:
    return Line(
        id=row["id"],
        attempt=row["attempt"],
        number=row["number"],
        at=from_epoch_milliseconds(row["at"]),
        kind=_KIND[row["kind"]],
        text=row["text"],
    )
