"""Ends a PostgreSQL server and removes its folder, once the tests that started it have ended.

    python postgres_guard.py FOLDER

It waits for the end of its standard input, which the system closes however they end: `kill -9` of
the tests leaves neither a server nor a folder behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_PATIENCE_SECONDS = 10.0


def end_server(data: Path) -> None:
    """Have the server of this data folder gone; what it has in memory need not reach the disk."""
    lines = read_pid_file(data)
    if not lines:
        return
    pid = int(lines[0])
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while is_running(pid, data):
        _send(pid, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.02)
    if (shared_memory := lines[6].split() if len(lines) > 6 else []) and read_pid_file(data):
        # Of one that was killed a few bytes stay with the system, which nothing else frees.
        ipcrm = shutil.which("ipcrm") or "ipcrm"
        subprocess.run([ipcrm, "-m", shared_memory[1]], stderr=subprocess.DEVNULL, check=False)


def read_pid_file(data: Path) -> list[str]:
    """What a server that runs, or was killed, says of itself, a line each: its pid comes first."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def is_running(pid: int, data: Path) -> bool:
    """Whether that server is there; its pid alone could be somebody else's by now."""
    if not read_pid_file(data):
        return False
    try:
        os.kill(pid, 0)
        return str(data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def main() -> None:
    """See above."""
    folder = Path(sys.argv[1])
    sys.stdin.read()
    end_server(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
