"""The `athena` command as its users run it: a process, an environment, a folder of its own."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 60


@dataclass
class Shell:
    """Runs `athena` in a folder, with these settings and none of the machine's own."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    stdin: int = subprocess.DEVNULL
    stderr: int = subprocess.PIPE

    @property
    def database(self) -> Path:
        return self.folder / "data" / "tasks.db"

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """The command, to its end."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith("ATHENA_")}
        said = {f"ATHENA_{name}": value for name, value in {**self.settings, **settings}.items()}
        return subprocess.run(
            [sys.executable, "-m", "athena", *words],
            stdin=self.stdin,
            cwd=self.folder,
            env={**kept, **said},
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
        )

    def succeed(self, *words: str, **settings: str) -> str:
        """What the command prints, which must succeed."""
        done = self.run(*words, **settings)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def refuse(self, *words: str, **settings: str) -> str:
        """The one line with which the command is refused."""
        done = self.run(*words, **settings)
        assert done.returncode == 1, done
        (line,) = done.stderr.splitlines()
        return line

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()


def until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
