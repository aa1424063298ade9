"""The lock beside a document whose task runs: for people and scripts to see, never to rely on.

Athena knows what runs; removing a lock by hand is always safe.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from claude_task_client import settings
from claude_task_client.sources import storing
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.presence import is_process

LOCK_BYTES_MAX: Final = 4096
_NAME: Final = re.compile(r"\.(task-\d{8}-\d{6}.*)\.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who works on a document. `pid` is known only of workers on this machine."""

    task_id: int
    worker: str
    host: str | None
    pid: int | None
    started_at: str | None

    @property
    def is_stale(self) -> bool:
        """Whether the process that it names was one of this machine, and is gone."""
        return (
            self.pid is not None and self.host == settings.host_name() and not is_process(self.pid)
        )


def read(layout: Layout, stem: str) -> Lock | None:
    """The lock of a document; None where there is none, or none that can be understood."""
    try:
        content, _ = storing.read(layout.lock(stem), bytes_max=LOCK_BYTES_MAX)
        told = json.loads(content)
        lock = Lock(**told)
    except (
        FileNotFoundError,
        storing.NotAFile,
        storing.TooLarge,
        ValueError,
        TypeError,
        RecursionError,
    ):
        return None
    is_sound = isinstance(lock.pid, int | None) and isinstance(lock.task_id, int)  # type: ignore[redundant-expr]
    return lock if is_sound else None


def write(layout: Layout, stem: str, lock: Lock) -> None:
    """Have it stand there, as it is now."""
    if read(layout, stem) != lock:
        storing.write(layout, layout.lock(stem), json.dumps(asdict(lock)) + "\n")


def remove(layout: Layout, stem: str) -> None:
    """Nobody works on the document (any more)."""
    storing.remove(layout.lock(stem))


def stems(layout: Layout) -> Iterator[str]:
    """The documents that have a lock."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted(layout.pending.glob(".task-*.lock")):
            if match := _NAME.fullmatch(path.name):
                yield match[1]
