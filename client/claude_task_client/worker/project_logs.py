"""A log and an error log for each project, kept small by turning them over."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from claude_task_client import output

LOG_BYTES_MAX: Final = 5 * 1024 * 1024
# Besides the one that is written: app.log.1 is the newest of them.
LOGS_KEPT: Final = 4
# A whole transcript line of Athena's; what is longer is in the task's log there.
TEXT_CHARACTERS_MAX: Final = 4000
INDENT: Final = "    "


class ProjectLogs:
    """Writes what happens in the projects. A disk that is full or gone stops no task."""

    def __init__(
        self, folder: Path, *, now: Callable[[], datetime], bytes_max: int = LOG_BYTES_MAX
    ) -> None:
        self._folder = folder
        self._now = now
        self._bytes_max = bytes_max

    def note(self, project: str, text: str, *, task_id: int | None = None) -> None:
        """Something happened."""
        self._append(log_path(self._folder, project), self._entry(text, task_id))

    def fault(self, project: str, text: str, *, task_id: int | None = None) -> None:
        """Something went wrong: it stands in both logs."""
        entry = self._entry(text, task_id)
        self._append(log_path(self._folder, project), entry)
        self._append(error_log_path(self._folder, project), entry)

    def _entry(self, text: str, task_id: int | None) -> bytes:
        """Its first line begins with the time, further ones with a space."""
        at = self._now().astimezone().isoformat(timespec="seconds")
        task = "" if task_id is None else f" #{task_id}"
        lines = output.clean(text[:TEXT_CHARACTERS_MAX]).rstrip("\n").split("\n")
        return f"{at}{task} {f'{chr(10)}{INDENT}'.join(lines)}\n".encode("utf-8", "replace")

    def _append(self, path: Path, entry: bytes) -> None:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if _size(path) > self._bytes_max - len(entry):
                turn_over(path)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, entry)  # one write, so that a reader sees whole lines
            finally:
                os.close(descriptor)


def log_path(folder: Path, project: str) -> Path:
    """Where everything of a project stands."""
    return folder / f"{project}.log"


def error_log_path(folder: Path, project: str) -> Path:
    """Where only what went wrong stands."""
    return folder / f"{project}.error.log"


def parts_of(path: Path) -> list[Path]:
    """A log with those that were turned over, the oldest first."""
    older = [_part(path, number) for number in range(LOGS_KEPT, 0, -1)]
    return [part for part in (*older, path) if part.exists()]


def turn_over(path: Path) -> None:
    """Begin the log anew; the oldest part is forgotten."""
    for number in range(LOGS_KEPT - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            _part(path, number).replace(_part(path, number + 1))
    with contextlib.suppress(FileNotFoundError):
        path.replace(_part(path, 1))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _part(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
