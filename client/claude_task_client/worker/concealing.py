"""Keeping the worker's environment from what runs for its tasks, as the same user."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Final

PR_SET_DUMPABLE: Final = 4


def conceal() -> None:
    """Let no process of this user read this one's environment and memory, nor trace it.

    Tests that a task has written run as this user: without this, /proc/PID/environ would show them
    the key for Athena. Programs that are started from here are not concealed. On macOS the system
    shows an environment to its user's processes all the same: keep the key in the file of `login`.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
