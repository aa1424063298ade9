"""How a document comes to its end, and back: steps that may each be repeated after a kill.

The record moves last. Until then the next watcher begins from the first step, and what is done
already is done again without harm.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from claude_task_client.sources import locks, outcomes, records, storing
from claude_task_client.sources.layout import COMPLETED, FAILED, PENDING, Layout
from claude_task_client.sources.records import OPENED, RENAMED, Record, Records
from claude_task_client.wire import Task

# A name of anybody's making, as a part of the names of our own files.
NAME_CHARACTERS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a document ended. `name` is its file in `pending/`; `stem` what its files are called."""

    layout: Layout
    kept: Records
    record: Record
    name: str
    task: Task | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def stem(self) -> str:
        """What result, report and record are called."""
        return self.record.stem


def write_result(end: End) -> None:
    """For programs."""
    text = outcomes.result_text(end.record, end.fields, error=end.error)
    storing.write(end.layout, end.layout.result(end.stem), text)


def write_report(end: End) -> None:
    """For people."""
    fields = {**end.fields, "error": end.error or end.fields.get("error")}
    text = outcomes.report_text(end.record, end.task, fields)
    storing.write(end.layout, end.layout.report(end.stem), text)


def move_document(end: End) -> None:
    """Out of the queue. Where a person has taken it away, what stands there is another one."""
    if end.record.is_absent:
        return
    folder = COMPLETED if end.record.status == "completed" else FAILED
    storing.move(end.layout.pending / end.name, end.layout.folder(folder) / end.name)


def remove_lock(end: End) -> None:
    """Nobody works on it."""
    locks.remove(end.layout, end.stem)


def note_end(end: End) -> None:
    """From here on, a document of this name in `pending/` is a new one."""
    end.kept.end(end.record)


STEPS: Final[Sequence[Callable[[End], None]]] = (
    write_result,
    write_report,
    move_document,
    remove_lock,
    note_end,
)


def finish(end: End) -> bool:
    """Take all steps, alone; whether this was still to be done.

    Raises: Busy, where another watcher is at it; OSError, at any of the steps.
    """
    with storing.one_at_a_time(end.layout):
        return take_steps(end)


def take_steps(end: End) -> bool:
    """As `finish`, beside whoever else may be at it."""
    if is_over(end):
        return False
    for step in STEPS:
        step(end)
    return True


def is_over(end: End) -> bool:
    """Whether another watcher has done it, or the document has moved on since."""
    mine = _place(end.record)
    ended = end.kept.ended(end.stem)
    if ended is not None and _place(ended) >= mine:
        current = end.kept.open(end.stem)
        if current is not None and _place(current) == mine:
            end.kept.drop(end.stem)  # killed just before that
        return True
    current = end.kept.open(end.stem)
    return current is not None and _place(current) > mine


def _place(record: Record) -> tuple[int, int]:
    return record.generation, record.round


def reopen(layout: Layout, kept: Records, ended: Record) -> Record:
    """Have a document back in `pending/`, whose task somebody has retried."""
    record = replace(ended, status=OPENED, round=ended.round + 1, returns=True)
    kept.save(record)
    return bring_back(layout, kept, record)


def bring_back(layout: Layout, kept: Records, record: Record) -> Record:
    """The rest of `reopen`, also after a kill in the middle of it."""
    name = f"{record.stem}.md"
    if not storing.exists(layout.pending / name):
        for folder in (COMPLETED, FAILED):
            if storing.move(layout.folder(folder) / name, layout.folder(PENDING) / name):
                break
    clear_the_way(layout, record.stem, below=record.generation + 1)
    is_absent = not storing.exists(layout.pending / name)
    record = replace(record, returns=False, is_absent=is_absent)
    kept.save(record)
    return record


def clear_the_way(layout: Layout, stem: str, *, below: int) -> None:
    """Keep what came of an earlier run under a number: nobody must take it for this one's.

    `below`: the generation from which on a result is not of an earlier run.
    """
    result, report = layout.result(stem), layout.report(stem)
    if storing.exists(result) and (records.generation_of(layout, stem) or 0) >= below:
        return
    for path in (result, report):
        if storing.exists(path):
            storing.set_aside(path)


def safe_stem(stem: str) -> str:
    """What the files about a document are called whose own name cannot be used."""
    clean = re.sub(r"[^\w.-]+", "_", stem, flags=re.ASCII).strip("._") or "document"
    mark = hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{clean[:NAME_CHARACTERS_MAX]}-{mark}"


def leave_name(layout: Layout, kept: Records, stem: str) -> None:
    """The document has another name now; a later one of this name is no further try of it."""
    locks.remove(layout, stem)
    record = kept.open(stem)
    if record is not None:
        kept.end(replace(record, status=RENAMED, body=None))


def take_name(layout: Layout, kept: Records, record: Record, stem: str) -> Record:
    """The record of a document under another name, which others may have had before."""
    generation = records.next_generation(layout, stem, kept.ended(stem))
    record = replace(record, stem=stem, generation=generation, round=0)
    clear_the_way(layout, stem, below=generation)
    kept.save(record)
    return record
