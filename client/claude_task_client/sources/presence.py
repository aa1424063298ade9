"""Who watches a source: each watcher says so in a small file of the source, and takes it away.

Nothing depends on it but what people are told: two may watch the same source, and a file that a
killed one has left says nothing after a few minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from claude_task_client import clock, settings
from claude_task_client.sources import storing
from claude_task_client.sources.disk_thread import DiskThread
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.registry import Source
from claude_task_client.wire import time_text

FOLDER: Final = "watchers"
# Seldom, as each is a write to what may be a memory card. On its own machine a watcher is known by
# its process.
REPEAT_SECONDS: Final = 300.0
LEAVE_SECONDS: Final = 2.0
# Two words may be lost, and clocks of two machines differ a little.
GONE_AFTER: Final = timedelta(minutes=12)
FORGOTTEN_AFTER: Final = timedelta(days=1)
FILE_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """A process that watches: `kind` is `worker` or `sources watch`. Times are as on the wire."""

    host: str
    pid: int
    kind: str
    since: str
    seen_at: str

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == settings.host_name()


def watchers(source: Source) -> Sequence[Watcher]:
    """Those that watch it now."""
    return [each for _, each in _notes(source) if _lives(each)]


@contextlib.asynccontextmanager
async def announced(sources: Iterable[Source], *, kind: str) -> AsyncIterator[None]:
    """Say that this process watches these sources, for the length of the block.

    Where that cannot be written, watching goes on: what is wrong there is the watcher's to tell.
    """
    # A thread each: a mount that hangs must hold up neither the others nor this process.
    notes = [(source, DiskThread(f"presence-{source.id}")) for source in sources]
    announcing = [asyncio.create_task(_announce(*each, kind)) for each in notes]
    try:
        yield
    finally:
        for task in announcing:
            task.cancel()
        try:
            await _leave(announcing, notes)
        finally:
            for _, disk in notes:
                disk.close()


async def _announce(source: Source, disk: DiskThread, kind: str) -> None:
    since = time_text(clock.now())
    while True:
        await disk.do(functools.partial(_write, source, kind, since))
        await asyncio.sleep(REPEAT_SECONDS)


async def _leave(
    announcing: Sequence[asyncio.Task[None]], notes: Sequence[tuple[Source, DiskThread]]
) -> None:
    """Take the notes away, after what was being written: not for long."""
    leaving = [
        asyncio.create_task(disk.do(functools.partial(_take_away, source)))
        for source, disk in notes
    ]
    if leaving:
        await asyncio.wait({*announcing, *leaving}, timeout=LEAVE_SECONDS)
    for task in leaving:
        task.cancel()


def _take_away(source: Source) -> None:
    with contextlib.suppress(OSError):
        _file(source).unlink()


def _write(source: Source, kind: str, since: str) -> None:
    told = Watcher(
        host=settings.host_name(),
        pid=os.getpid(),
        kind=kind,
        since=since,
        seen_at=time_text(clock.now()),
    )
    with contextlib.suppress(OSError):
        layout = Layout(source.path)
        (layout.own / FOLDER).mkdir(exist_ok=True)  # not what it lies in: a mount may be away
        storing.write(layout, _file(source), json.dumps(asdict(told)) + "\n")
    with contextlib.suppress(OSError):
        _clear(source)


def _clear(source: Source) -> None:
    """Take away what those who were killed have left."""
    for file, each in _notes(source):
        is_old = clock.now() - datetime.fromisoformat(each.seen_at) > FORGOTTEN_AFTER
        if is_old or (each.is_here and not is_process(each.pid)):
            file.unlink(missing_ok=True)


def _notes(source: Source) -> Iterator[tuple[Path, Watcher]]:
    for file in sorted((Layout(source.path).own / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            content, _ = storing.read(file, bytes_max=FILE_BYTES_MAX)
            watcher = Watcher(**json.loads(content))
            if _is_sound(watcher):
                yield file, watcher


def _is_sound(told: Watcher) -> bool:
    """Whether it says what each of them says. Raises: ValueError, TypeError."""
    texts = (told.host, told.kind, told.since, told.seen_at)
    is_aware = datetime.fromisoformat(told.seen_at).tzinfo is not None
    return is_aware and type(told.pid) is int and all(type(each) is str for each in texts)


def _file(source: Source) -> Path:
    return Layout(source.path).own / FOLDER / f"{settings.host_name()}-{os.getpid()}.json"


def _lives(watcher: Watcher) -> bool:
    if clock.now() - datetime.fromisoformat(watcher.seen_at) > GONE_AFTER:
        return False
    return not watcher.is_here or is_process(watcher.pid)


def is_process(pid: int) -> bool:
    """Whether there is such a process on this machine; where that cannot be asked: yes."""
    if sys.platform == "win32":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
