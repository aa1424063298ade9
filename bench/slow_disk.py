"""A disk that takes longer to keep what it is given, for everything started meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NAMES: Final = ("LD_PRELOAD", "BENCH_SYNC_MS")
_SOURCE: Final = Path(__file__).with_name("slow_sync.c")


class NoCompiler(Exception):
    """Slowness is built when it is needed; without a compiler there is none."""


@contextmanager
def slow_disk(milliseconds: float) -> Iterator[None]:
    """Raises: NoCompiler."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as somebody else
        library = _build(folder)
        os.environ |= dict(zip(_NAMES, (str(library), str(milliseconds)), strict=True))
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= before


def slowness() -> Mapping[str, str]:
    """What a program needs that does not inherit this process's environment."""
    return {name: os.environ[name] for name in _NAMES if name in os.environ}


def is_slow() -> bool:
    return bool(slowness())


def _build(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("needs a C compiler: apt-get install gcc libc6-dev")
    library = folder / "slow_sync.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NoCompiler(done.stderr)
    return library
