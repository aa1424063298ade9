"""The journal of one task on this machine: what a worker needs to know after it was killed.

Written aside and replaced whole before each step that must not be repeated or forgotten. It is the
outbox as well: an `ending` stays here until Athena has it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from claude_task_client.files import replace_file
from claude_task_client.worker.executor import Usage

FILE: Final = "record.json"


class EndingKind(StrEnum):
    """How an attempt ended on this side."""

    COMPLETED = "completed"
    FAILED = "failed"
    PARKED = "parked"
    RELEASED = "released"
    ABANDONED = "abandoned"  # cancelled, or claimed by another: Athena is told nothing


@dataclass(kw_only=True)
class Ending:
    """What Athena is to be told, and what becomes of the work here.

    - `body`: what the endpoint of `kind` takes, without instance and attempt
    - `keep`: workspace and record stay, since the task comes back to go on (parked, handed back)
    - `trouble`: what keeps this worker from its next task as well (`usage_limit` until `until` of
      the body; `signed_out` until somebody signs in)
    """

    kind: EndingKind
    body: dict[str, Any] = field(default_factory=dict)
    keep: bool = False
    trouble: str | None = None
    delivered: bool = False


@dataclass(kw_only=True)
class Record:
    """Where a task stands. `stage` is the name of the stage that is to run next.

    - `base`: the commit that the work started from; `branch` and `folder`: where it is
    - `earlier`: where the work of the task is that it follows (`Earlier`)
    - `returned`: the last return to its folder that Claude was told of; `notice`: what it is told
    - `reply`: what Claude is told next; None: the task itself
    - `is_running`: a run of Claude was begun and has not ended, as far as is known
    - `is_deferred`: the conversation ended in a call that waits for the answer to `question_id`
    - `end`, `error`, `output`: how the last run ended
    - `answered`: how often leave was given or denied by key: the same call later is asked anew
    - `rejections`, `test_rounds`, `pauses`, `outages`: how often each sent the work back
    - `turns`, `worked_seconds`: what the task's limits are counted against; the auditor's are not
    - `doubts`: what the worker saw in the changes last time, and sent back
    - `api_ms`: the time with the API that was told of a session so far, by its id
    - `tree`: the git tree that was judged, and is to be committed
    - `intents`: effects outside that were begun, by name, with what tells whether they happened
    - `result`: the fields of the result so far
    """

    task_id: int
    attempt: int
    project: str
    description: str
    started_at: str
    stage: str = "checkpoint"
    branch: str | None = None
    folder: str | None = None
    base: str | None = None
    earlier: str | None = None
    returned: str | None = None
    notice: str | None = None
    session_id: str | None = None
    reply: str | None = None
    question_id: int | None = None
    is_running: bool = False
    is_deferred: bool = False
    end: str | None = None
    error: str | None = None
    output: str = ""
    answered: dict[str, int] = field(default_factory=dict)
    iterations: int = 0
    pauses: int = 0
    rejections: int = 0
    test_rounds: int = 0
    outages: int = 0
    messages_seen: int = 0
    turns: int = 0
    api_ms: dict[str, int] = field(default_factory=dict)
    worked_seconds: float = 0.0
    doubts: list[str] = field(default_factory=list)
    tree: str | None = None
    usage: Usage = field(default_factory=Usage)
    intents: dict[str, str] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    ending: Ending | None = None


class Journal:
    """The folder of one task: its record, its log lines on their way, its temporary folder."""

    def __init__(self, folder: Path, record: Record) -> None:
        self.folder = folder
        self.record = record

    @property
    def temporary(self) -> Path:
        """The task's TMPDIR."""
        return self.folder / "tmp"

    def save(self) -> None:
        """Keep the record as it is now; it survives a crash right after."""
        replace_file(self.folder / FILE, json.dumps(asdict(self.record), ensure_ascii=False))

    def remove(self) -> None:
        """Forget the task: Athena has all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_journal(folder: Path, record: Record) -> Journal:
    """A new journal, stored."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = Journal(folder, record)
    journal.save()
    return journal


def journals(folder: Path) -> Iterator[Journal]:
    """All that are kept below a folder. One that cannot be read is left alone, and skipped."""
    for path in sorted(folder.glob(f"*/{FILE}")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            yield Journal(path.parent, _read(json.loads(path.read_text(encoding="utf-8"))))


def clear_remains(folder: Path) -> None:
    """Remove what kills have left of journals: begun without a record yet, or removed by half.

    For the start alone, when no journal is being opened.
    """
    for path in folder.glob("*/"):
        if not (path / FILE).exists():
            shutil.rmtree(path, ignore_errors=True)


def _read(content: Mapping[str, Any]) -> Record:
    known = {f.name for f in fields(Record)}
    values = {name: value for name, value in content.items() if name in known}
    values["usage"] = Usage(**values.get("usage", {}))
    ending = values.get("ending")
    values["ending"] = (
        None if ending is None else Ending(**{**ending, "kind": EndingKind(ending["kind"])})
    )
    return Record(**values)
