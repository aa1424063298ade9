"""What the figures depend on: the machine, its disk, and the versions."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SYNCS: Final = 200
_BLOCK: Final = b"x" * 4096
_PLACES: Final = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), "/usr/sbin"]
# Where Debian puts servers, which is not on everybody's path.
_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), *sorted(_PLACES, reverse=True)])


def machine() -> Mapping[str, str]:
    """By name, as a line of text for each."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": f"{os.cpu_count()} ({_processor()})",
        "fsync": f"{sync_ms():.2f} ms",
        **_servers(),
    }


def sync_ms() -> float:
    """How long the disk takes until it has kept 4 KiB, where temporary files are; the median."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_SYNCS):
            file.write(_BLOCK)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _servers() -> Mapping[str, str]:
    """The versions of those that are installed."""
    found = {}
    for program, flag in (("postgres", "-V"), ("redis-server", "-v"), ("beanstalkd", "-v")):
        if (path := shutil.which(program, path=_PATH)) is not None:
            said = subprocess.run([path, flag], check=False, capture_output=True, text=True).stdout
            number = re.search(r"\d+(\.\d+)+", said)
            found[program] = number[0] if number else "?"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
