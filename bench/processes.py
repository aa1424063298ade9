"""The processes that are measured: Athena, the bare server, the load; and what they use."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from athena.store.sqlite_files import prepare
from tests.running import KEY, RunningServer

REPOSITORY = Path(__file__).resolve().parents[1]


@contextmanager
def athena(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[RunningServer]:
    """A real `athena serve` on the folder, without rate limit, for the length of the block."""
    path = {"PYTHONPATH": str(REPOSITORY)}
    server = RunningServer(folder, {**path, **(settings or {})}).start()
    try:
        yield server
    finally:
        server.kill()


def database_in(folder: Path) -> Path:
    """The empty database that an Athena in this folder would serve."""
    path = RunningServer(folder).database
    prepare(path)
    return path


@contextmanager
def bare() -> Iterator[tuple[int, int]]:
    """The bare server: its process id and its port."""
    command = [sys.executable, "-m", "bench.bare"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def load(kind: str, **options: object) -> dict[str, Any]:
    """Run a load in a process of its own; what it has counted. See `bench/load.py`."""
    given = json.dumps({"kind": kind, "key": KEY, **options})
    command = [sys.executable, "-m", "bench.load", given]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the load failed:\n{done.stderr}")
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def memory_mb(pid: int) -> tuple[float, float]:
    """The resident memory of a process now, and at its highest, in MB of 2**20. Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(kib["VmRSS"]) / 1024, int(kib["VmHWM"]) / 1024
