"""A whole database goes from SQLite to PostgreSQL and back, by the commands, and is the same."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from athena.clock import SystemClock
from athena.store.sqlite import SQLiteStore
from tests.postgres import databases
from tests.store.everything import OF_A_LEASE, fill

# What the interpreter and the libraries need is some 60 MB of it.
MEBIBYTES_MAX = 180
# To the system, what a process had before it became another program is that one's memory as well:
# the tests' own, which has grown by then. So it is begun by a process that is small.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss, file=open("memory", "w"))
os._exit(os.waitstatus_to_exitcode(status))
"""
STAYS = {"leader", "sqlite_stat1", "sqlite_stat4"}


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty database of PostgreSQL."""
    server = databases()
    name = server.create_empty_database()
    yield server.url(name)
    server.drop(name)


def carry_out(folder: Path, *words: str, store: str) -> float:
    """The command, which must succeed; gives the most memory that it had, in MiB."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ATHENA_")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, sys.executable, "-m", "athena", *words],
        cwd=folder,
        env={**kept, "ATHENA_DATABASE_URL": store},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done
    return int((folder / "memory").read_text()) / 1024


def differences(one: Path, other: Path) -> dict[str, int]:
    """For each table how many rows only one of the two files has, read by nothing of Athena's."""
    with closing(sqlite3.connect(one)) as db:
        db.execute("ATTACH ? AS other", (str(other),))
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {name: _difference(db, name) for name in names if name not in STAYS}


def _difference(db: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    # The types as well: to SQLite 1 and 1.0 are equal.
    shown = [f"{c}, typeof({c})" for c in columns if c not in OF_A_LEASE]
    ours, theirs = (f"SELECT {', '.join(shown)} FROM {at}.{table}" for at in ("main", "other"))
    count = 0
    for here, there in ((ours, theirs), (theirs, ours)):
        count += db.execute(f"SELECT count(*) FROM ({here} EXCEPT {there})").fetchone()[0]
    sizes = {
        db.execute(f"SELECT count(*) FROM {at}.{table}").fetchone() for at in ("main", "other")
    }
    return int(count) + len(sizes) - 1


@pytest.mark.slow
@pytest.mark.timeout(1_800)
async def test_to_postgresql_and_back(is_full: bool, tmp_path: Path, postgres_url: str):
    """100,000 tasks with 500,000 events (2,000 every day): nothing is lost, changed or added.

    And whatever the number of rows, the commands need no more memory.
    """
    first, last = tmp_path / "first.db", tmp_path / "last.db"
    async with SQLiteStore(first, SystemClock()) as store:
        await fill(store, tasks=100_000 if is_full else 2_000)

    memory = [
        carry_out(tmp_path, "export", "1.jsonl.gz", store=f"sqlite:///{first}"),
        carry_out(tmp_path, "import", "1.jsonl.gz", store=postgres_url),
        carry_out(tmp_path, "export", "2.jsonl", store=postgres_url),
        carry_out(tmp_path, "import", "2.jsonl", store=f"sqlite:///{last}"),
    ]

    found = differences(first, last)
    assert {"tasks", "events", "api_keys", "discord_deliveries", "sqlite_sequence"} <= found.keys()
    assert {table: count for table, count in found.items() if count} == {}
    assert max(memory) < MEBIBYTES_MAX, memory
