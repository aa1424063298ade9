"""Whether a process is still there, by what this platform has without further packages."""

from __future__ import annotations

import os
import sys


def began(pid: int) -> str:
    """What tells this process from a later one with the same number; empty where nothing does."""
    if sys.platform != "linux":
        return ""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  pathlib costs a hook 4 ms
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""


if sys.platform == "win32":
    import ctypes

    _QUERY_AND_SYNCHRONIZE = 0x1000 | 0x00100000
    _STILL_RUNNING = 0x102  # WAIT_TIMEOUT: the process has not ended

    def _is_there(pid: int) -> bool:
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_QUERY_AND_SYNCHRONIZE, False, pid)
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == _STILL_RUNNING)
        finally:
            kernel.CloseHandle(handle)

else:

    def _is_there(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # somebody else's, so it is there
        return True


def is_alive(pid: int, since: str) -> bool:
    """Whether the process that `began` described is still there."""
    return _is_there(pid) and since == (began(pid) if since else "")
