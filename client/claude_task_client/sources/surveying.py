"""How a source stands, by what lies in its folders: Athena is not asked."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from claude_task_client.sources import locks, presence
from claude_task_client.sources.documents import SUFFIX
from claude_task_client.sources.layout import COMPLETED, FAILED, PENDING, RESULTS, Layout
from claude_task_client.sources.locks import Lock
from claude_task_client.sources.presence import Watcher
from claude_task_client.sources.registry import Source

FILE_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A document that is being worked on. `lock` is None where it says nothing."""

    document: str
    lock: Lock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The document that ended last, by its result file."""

    document: str
    status: str | None
    task_id: int | None
    result: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong with a source, and what to do.

    `code` is `away`, `not_writable`, `stuck_lock` or `unwatched`.
    """

    code: str
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
    running = list(_running(Layout(source.path)))
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


def _running(layout: Layout) -> Iterator[Running]:
    for stem in locks.stems(layout):
        lock = None
        with contextlib.suppress(OSError):
            lock = locks.read(layout, stem)
        yield Running(document=stem, lock=lock)


def _problems(seen: Survey) -> Iterator[Problem]:
    source = seen.source
    if seen.why_away is not None:
        yield Problem(
            code="away",
            detail=seen.why_away,
            advice=f"Mount or make it, or: claude-task-client sources rm {source.id}",
        )
        return
    pending = source.path / PENDING
    if not os.access(pending, os.W_OK | os.X_OK):
        yield Problem(
            code="not_writable",
            detail=f"You may not write in {pending}.",
            advice="Give this account the right, or watch it as one that has it.",
        )
    for each in seen.running:
        if each.lock is not None and each.lock.is_stale:
            file = shlex.quote(str(Layout(source.path).lock(each.document)))
            yield Problem(
                code="stuck_lock",
                detail=f"The lock of {each.document} is stuck: process {each.lock.pid} is gone.",
                advice=f"The next watcher removes it; so may you: rm {file}",
            )
    if not seen.watchers:
        yield Problem(
            code="unwatched",
            detail="Nobody watches it.",
            advice="Start a worker (claude-task-client work), or: claude-task-client sources watch",
        )


def _json(path: Path, bytes_max: int) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError):
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
