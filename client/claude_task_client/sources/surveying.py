"""How a source stands, by what lies in its folders: Athena is not asked."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from claude_task_client import settings
from claude_task_client.sources import presence
from claude_task_client.sources.documents import SUFFIX
from claude_task_client.sources.layout import COMPLETED, FAILED, PENDING, RESULTS, Layout
from claude_task_client.sources.presence import Watcher
from claude_task_client.sources.registry import Source

LOCK_SUFFIX: Final = ".lock"
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
LOCK_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A document that is being worked on, by its lock. What the lock does not say is None."""

    document: str
    lock: Path
    task_id: int | None
    worker: str | None
    host: str | None
    pid: int | None
    started_at: str | None

    @property
    def is_stuck(self) -> bool:
        """Whether the process that it names was one of this machine, and is gone."""
        is_here = self.host == settings.host_name()
        return is_here and self.pid is not None and not presence.is_process(self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The document that ended last, by its result file."""

    document: str
    status: str | None
    task_id: int | None
    result: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong with a source, and what to do."""

    detail: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """One source. `waiting` are documents in their order; `why_away`: it is not to be seen."""

    source: Source
    why_away: str | None
    waiting: Sequence[str]
    running: Sequence[Running]
    completed: int
    failed: int
    watchers: Sequence[Watcher]

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong, the worst first."""
        return list(_problems(self))


def survey(source: Source) -> Survey:
    """Look at a source. What cannot be read counts as not there."""
    documents = sorted(_documents(source.path / PENDING))
    running = list(_running(source.path / PENDING))
    busy = {each.document for each in running}
    return Survey(
        source=source,
        why_away=_why_away(source),
        waiting=[each for each in documents if each not in busy],
        running=running,
        completed=sum(1 for _ in _documents(source.path / COMPLETED)),
        failed=sum(1 for _ in _documents(source.path / FAILED)),
        watchers=presence.watchers(source),
    )


def _why_away(source: Source) -> str | None:
    if not source.path.is_dir():
        return f"There is no directory {source.path}."
    try:
        Layout(source.path).mark()
    except OSError as error:
        return str(error)
    return None


def last_ended(source: Source) -> Ended | None:
    """The document whose result was written last."""
    with contextlib.suppress(OSError), os.scandir(source.path / RESULTS) as entries:
        dated = [
            (entry.stat(follow_symlinks=False).st_mtime_ns, entry.name)
            for entry in entries
            if entry.name.endswith(".json") and not entry.name.startswith(".")
        ]
        if dated:
            return _ended(source.path / RESULTS / max(dated)[1])
    return None


def _ended(path: Path) -> Ended:
    said = _json(path, FILE_BYTES_MAX)
    return Ended(
        document=path.stem,
        status=_text(said, "status"),
        task_id=_number(said, "task_id"),
        result=path,
    )


def _documents(folder: Path) -> Iterator[str]:
    """The documents in a folder, by their names without the suffix."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                yield entry.name.removesuffix(SUFFIX)


def _running(folder: Path) -> Iterator[Running]:
    for lock in sorted(folder.glob(f".task-*{LOCK_SUFFIX}")):
        said = _json(lock, LOCK_BYTES_MAX)
        yield Running(
            document=lock.name.removeprefix(".").removesuffix(LOCK_SUFFIX),
            lock=lock,
            task_id=_number(said, "task_id"),
            worker=_text(said, "worker"),
            host=_text(said, "host"),
            pid=_number(said, "pid"),
            started_at=_text(said, "started_at"),
        )


def _problems(seen: Survey) -> Iterator[Problem]:
    source = seen.source
    if seen.why_away is not None:
        yield Problem(
            detail=seen.why_away,
            advice=f"Mount or make it, or: claude-task-client sources rm {source.id}",
        )
        return
    pending = source.path / PENDING
    if not os.access(pending, os.W_OK | os.X_OK):
        yield Problem(
            detail=f"You may not write in {pending}.",
            advice="Give this account the right, or watch it as one that has it.",
        )
    for each in seen.running:
        if each.is_stuck:
            yield Problem(
                detail=f"The lock of {each.document} is stuck: process {each.pid} is gone.",
                advice=f"The next watcher removes it; so may you: rm {each.lock}",
            )
    if not seen.watchers:
        yield Problem(
            detail="Nobody watches it.",
            advice="Start a worker (claude-task-client work), or: claude-task-client sources watch",
        )


def _json(path: Path, bytes_max: int) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        if path.stat().st_size <= bytes_max:
            content = json.loads(path.read_text("utf-8"))
            return content if isinstance(content, dict) else {}
    return {}


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) else None


def _number(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
