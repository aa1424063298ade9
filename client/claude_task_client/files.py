"""Files that this client keeps: written aside, replaced whole, locked where two may write."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from claude_task_client.errors import BadSettings

LOCK_WAIT_SECONDS: Final = 5.0
LOCK_POLL_SECONDS: Final = 0.02


def replace_file(path: Path, text: str) -> None:
    """Put `text` in place of the whole file, readable by its owner alone.

    A reader sees the old text or the new one, never a part.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise BadSettings(f"Cannot write {path}: {error.strerror or error}.") from error


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep other processes out of what belongs to `path` for the length of the block.

    The lock belongs to the open file and goes with its process: a killed one leaves none behind.
    """
    name = path.with_name(f"{path.name}.lock")
    try:
        name.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadSettings(f"Cannot write {name}: {error.strerror or error}.") from error
    try:
        _wait_for(descriptor, name)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, name: Path) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while not try_lock(descriptor):
        if time.monotonic() > deadline:
            raise BadSettings(
                f"Another claude-task-client holds {name}: see what it waits for, and end it."
            )
        time.sleep(LOCK_POLL_SECONDS)


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, unless another process holds it."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, unless another process holds it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a network share without locks: better unlocked than unusable
        return True
