"""A lock that is had at once or not at all, and says who has it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from claude_task_client import files


@contextlib.contextmanager
def attempt(path: Path) -> Iterator[bool]:
    """Hold the lock for the length of the block, or say that another does.

    It goes with its process: a killed one leaves none behind.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield False
        return
    try:
        yield files.try_lock(descriptor)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether somebody holds it now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not files.try_lock(descriptor)
    finally:
        os.close(descriptor)
