"""Processes of a run that nobody keeps any more: found by a variable in their environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

RUN_VARIABLE = "ATHENA_RUN"

GRACE_SECONDS = 3.0  # from TERM to KILL; a keeper among them ends the others meanwhile
LOOK_SECONDS = 0.05
KILLS_MAX = 100


async def end_strays(run_id_prefix: str) -> list[int]:
    """End every process of this user whose `ATHENA_RUN` begins so: TERM, then KILL. Who it was.

    For the worker's start (with the prefix of its state folder), and after a keeper was killed. A
    process that has cleaned its environment is not found.
    """
    found = _signal_all(run_id_prefix, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + GRACE_SECONDS
    kills = 0
    while (left := list(_strays(run_id_prefix))) and kills < KILLS_MAX:
        found |= set(left)
        if asyncio.get_running_loop().time() > deadline:
            _signal_all(run_id_prefix, signal.SIGKILL)
            kills += 1
        await asyncio.sleep(LOOK_SECONDS)
    return sorted(found)


def _signal_all(prefix: str, number: signal.Signals) -> set[int]:
    pids = set(_strays(prefix))
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return pids


def _strays(prefix: str) -> Iterator[int]:
    wanted = f"{RUN_VARIABLE}={prefix}".encode()
    environments = _from_proc() if sys.platform == "linux" else _from_psutil()
    for pid, environment in environments:
        if pid != os.getpid() and any(each.startswith(wanted) for each in environment):
            yield pid


def _from_proc() -> Iterator[tuple[int, list[bytes]]]:
    """Zombies have no environment, and other users' is not ours to read."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(folder.name), (folder / "environ").read_bytes().split(b"\0")


def _from_psutil() -> Iterator[tuple[int, list[bytes]]]:
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            variables = process.environ()
            yield process.pid, [f"{name}={value}".encode() for name, value in variables.items()]
