"""The job that every queue runs: it says with the time that it was run, and does nothing else.

Runs, offers and accepted offers are appended to files of one folder, 16 bytes each, in one write:
whatever processes and threads a queue works with, nothing is lost and nothing is mixed. The clock
is the machine's monotonic one, which all processes share.
"""

from __future__ import annotations

import asyncio
import functools
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

RUNS, OFFERED, ACCEPTED = "runs", "offered", "accepted"
# A gate holds its worker until all workers are there. A hanging job never ends in its first life.
GATE: Final = -1
HANGING: Final = -2
_OPEN, _DEAD = "gate-is-open", "worker-is-dead"
_RECORD: Final = struct.Struct("<qq")
_LOOK_SECONDS: Final = 0.01


def folder() -> Path:
    return Path(os.environ["BENCH_FOLDER"])


def lease_seconds(stock: int) -> int:
    """How long a dead worker's job stays its own, where the queue lets one choose."""
    return int(os.environ.get("BENCH_LEASE", stock))


def run(number: int) -> None:
    """The job, for workers that block."""
    record(RUNS, number)
    while not may_end(number):
        time.sleep(_LOOK_SECONDS)


async def run_async(number: int) -> None:
    """The job, for workers that await."""
    record(RUNS, number)
    while not may_end(number):  # noqa: ASYNC110  (what it waits for is a file)
        await asyncio.sleep(_LOOK_SECONDS)


def may_end(number: int) -> bool:
    if number >= 0:
        return True
    return (folder() / (_OPEN if number == GATE else _DEAD)).exists()


def open_gate(folder: Path) -> None:
    (folder / _OPEN).touch()


def say_worker_is_dead(folder: Path) -> None:
    (folder / _DEAD).touch()


def record(name: str, number: int) -> None:
    os.write(_file(folder() / name), _RECORD.pack(number, time.monotonic_ns()))


@functools.cache
def _file(path: Path) -> int:
    # O_APPEND: the writes of several processes do not overwrite each other.
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)


def count(folder: Path, name: str) -> int:
    """How many records there are, without reading them."""
    try:
        return (folder / name).stat().st_size // _RECORD.size
    except FileNotFoundError:
        return 0


def records(folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """Number and time in nanoseconds, in the order of writing."""
    if (folder / name).exists():
        yield from _RECORD.iter_unpack((folder / name).read_bytes())
