"""Files of SQLite stores: made, filled, aged, looked into."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from athena.store import sqlite_files
from athena.store.sqlite import SQLiteStore
from athena.store.statements import load_migrations
from tests.store.clock import ManualClock
from tests.store.samples import insert

NEWEST = len(load_migrations("sqlite"))


async def make_store(path: Path, clock: ManualClock, number: int = 1) -> None:
    """A store with some tasks, closed again."""
    async with SQLiteStore(path, clock) as store:
        for n in range(number):
            await insert(store, description=f"task {n}")


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def size_of(path: Path) -> int:
    return path.stat().st_size


def write(path: Path, contents: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(contents)


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def copy_of(path: Path) -> Path:
    target = path.with_name("copy")
    sqlite_files.copy_database(path, target)
    return target


def old_schema(path: Path, version: int = 1) -> None:
    """A file as an older Athena left it, with a task in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for migration in load_migrations("sqlite")[:version]:
            connection.executescript(migration.sql)
        connection.executescript(
            f"""
            PRAGMA application_id = 0x41544E41;
            PRAGMA user_version = {version};
            INSERT INTO tasks (description, status, priority, created_at, created_via, submitter,
                updated_at, max_attempts, readiness, offered_to)
            VALUES ('from long ago', 'pending', 1, 0, 'api', '', 0, 3, 'ready', '');
            """
        )
        connection.commit()
