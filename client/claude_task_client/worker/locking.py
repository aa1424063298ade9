"""One `work` for each state folder: the one that is there is named by its pid."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from claude_task_client.errors import EXIT_REFUSED, AthenaError, BadSettings

FILE: Final = "lock"


class AlreadyAtWork(AthenaError):
    """Another worker holds the state folder."""

    exit_code = EXIT_REFUSED


@contextlib.contextmanager
def held(state: Path) -> Iterator[None]:
    """Keep other workers out of a state folder for the length of the block.

    The lock belongs to the open file and goes with its process: a killed one leaves none behind.
    Raises: AlreadyAtWork, BadSettings.
    """
    path = state / FILE
    descriptor = _open(path)
    try:
        if not _take(descriptor):
            raise AlreadyAtWork(
                f"A worker is at work on {state} already (pid {_pid_in(path) or 'unknown'}):"
                " see `claude-task-client work status`, or give this one a --state of its own."
            )
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
        # A pid that is left behind would soon be somebody else's.
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(state: Path) -> int | None:
    """The pid of the worker that is at work on a state folder; None where none is."""
    path = state / FILE
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if _take(descriptor) else _pid_in(path)
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadSettings(f"Cannot write {path}: {error.strerror or error}.") from error


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
