"""Whether a process is still there, by what this platform has without further packages."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import contextlib
    import ctypes
    from collections.abc import Iterator

    _QUERY_AND_SYNCHRONIZE = 0x1000 | 0x00100000
    _STILL_RUNNING = 0x102  # WAIT_TIMEOUT: the process has not ended

    @contextlib.contextmanager
    def _opened(pid: int) -> Iterator[int]:
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_QUERY_AND_SYNCHRONIZE, False, pid)
        try:
            yield handle
        finally:
            if handle:
                kernel.CloseHandle(handle)

    def _is_there(pid: int) -> bool:
        with _opened(pid) as handle:
            waited = handle and ctypes.windll.kernel32.WaitForSingleObject(handle, 0)
            return bool(handle and waited == _STILL_RUNNING)

    def began(pid: int) -> str:
        """What tells this process from a later one with the same number; empty: unknown."""
        times = [ctypes.c_uint64() for _ in range(4)]  # of its creation, then others
        with _opened(pid) as handle:
            places = [ctypes.byref(each) for each in times]
            is_told = handle and ctypes.windll.kernel32.GetProcessTimes(handle, *places)
        return str(times[0].value) if is_told else ""

else:

    def _is_there(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # somebody else's, so it is there
        return True


if sys.platform == "darwin":
    import ctypes

    _PROC_PIDTBSDINFO = 3

    class _BsdInfo(ctypes.Structure):
        """`struct proc_bsdinfo` of <sys/proc_info.h>, whose first parts say nothing here."""

        _fields_ = (
            ("others", ctypes.c_uint8 * 120),
            ("seconds", ctypes.c_uint64),
            ("microseconds", ctypes.c_uint64),
        )

    def began(pid: int) -> str:
        """What tells this process from a later one with the same number; empty: unknown."""
        told, size = _BsdInfo(), ctypes.sizeof(_BsdInfo)
        try:
            ask = ctypes.CDLL(None).proc_pidinfo
            filled = ask(pid, _PROC_PIDTBSDINFO, ctypes.c_uint64(0), ctypes.byref(told), size)
        except (OSError, AttributeError):
            return ""
        return f"{told.seconds}.{told.microseconds}" if filled == size else ""

elif sys.platform != "win32":

    def began(pid: int) -> str:
        """What tells this process from a later one with the same number; empty: unknown."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  pathlib costs a hook 4 ms
                return file.read().rpartition(b")")[2].split()[19].decode()
        except (OSError, IndexError):
            return ""


def is_alive(pid: int, since: str) -> bool:
    """Whether the process that `began` described is still there; where unknown, its number is."""
    return _is_there(pid) and (not since or began(pid) in {"", since})
