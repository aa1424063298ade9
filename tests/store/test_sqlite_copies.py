"""Backups, restores, and the space that a store takes (SQLite only)."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from athena.store import sqlite_files
from athena.store.base import StoreUnusable
from athena.store.sqlite import SQLiteStore
from tests.store.clock import ManualClock
from tests.store.files import (
    NEWEST,
    bytes_of,
    copy_of,
    make_store,
    old_schema,
    query,
    size_of,
    write,
)
from tests.store.samples import insert


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store will be."""
    return tmp_path / "data" / "tasks.db"


# --- copies -----------------------------------------------------------------------------------


async def test_backup_while_everything_goes_on(path: Path, clock: ManualClock):
    """The copy is whole, checked, and its owner's alone; the store goes on."""
    target = path.with_name("backup")
    async with SQLiteStore(path, clock) as store:
        task = await insert(store)
        await store.backup(target)
        await insert(store)

    assert query(target, "SELECT id FROM tasks") == [(task.id,)]
    assert sqlite_files.check_database(target) == NEWEST
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(path.parent.glob("*.partial"))


async def test_backup_that_cannot_be_written(path: Path, clock: ManualClock):
    """One sentence, and nothing left over."""
    async with SQLiteStore(path, clock) as store:
        with pytest.raises(StoreUnusable, match="failed"):
            await store.backup(path.parent / "no" / "such" / "folder" / "copy")

    assert not list(path.parent.glob("*copy*"))


async def test_restore_brings_the_backup_back(path: Path, clock: ManualClock):
    """What was written since is put aside, not lost."""
    await make_store(path, clock, 1)
    backup = copy_of(path)
    await make_store(path, clock, 2)

    former = sqlite_files.restore_database(backup, path)

    assert query(path, "SELECT count(*) FROM tasks") == [(1,)]
    assert former is not None
    assert query(former, "SELECT count(*) FROM tasks") == [(3,)]
    async with SQLiteStore(path, clock) as store:
        assert (await insert(store)).id == 2


async def test_restore_to_where_nothing_is(path: Path, clock: ManualClock, tmp_path: Path):
    """A new machine needs no store to begin with."""
    await make_store(path, clock, 2)
    elsewhere = tmp_path / "new" / "machine" / "tasks.db"

    assert sqlite_files.restore_database(copy_of(path), elsewhere) is None

    assert query(elsewhere, "SELECT count(*) FROM tasks") == [(2,)]
    assert elsewhere.stat().st_mode & 0o777 == 0o600


async def test_restore_keeps_what_is_only_in_the_log(path: Path, clock: ManualClock):
    """A killed store has its last writes in the write-ahead log: they are put aside, too."""
    await make_store(path, clock, 1)
    backup = copy_of(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("UPDATE tasks SET notes = 'only in the log'")
        files = {file: bytes_of(file) for file in (path, path.with_name("tasks.db-wal"))}
    for file, contents in files.items():
        write(file, contents)

    former = sqlite_files.restore_database(backup, path)

    assert former is not None
    assert query(former, "SELECT notes FROM tasks") == [("only in the log",)]
    assert query(path, "SELECT notes FROM tasks") == [(None,)]


def test_restore_of_what_is_no_backup(path: Path, tmp_path: Path):
    """The store in place stays."""
    sqlite_files.prepare(path)
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_bytes(b"dear diary " * 1000)
    before = path.read_bytes()

    for name in ("empty", "text", "nothing"):
        with pytest.raises(StoreUnusable):
            sqlite_files.restore_database(tmp_path / name, path)

    assert path.read_bytes() == before


def test_damage_is_found(path: Path):
    """A page that was overwritten is noticed by the check."""
    sqlite_files.prepare(path)
    contents = bytearray(path.read_bytes())
    page = 4096 * 3
    contents[page : page + 2000] = b"\xff" * 2000
    path.write_bytes(contents)

    with pytest.raises(StoreUnusable, match=r"damaged|not an intact"):
        sqlite_files.check_database(path)


def test_page_that_nobody_uses_is_damage(path: Path):
    """Also where every row can still be read."""
    sqlite_files.prepare(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'tasks_held'")

    with pytest.raises(StoreUnusable, match="is damaged"):
        sqlite_files.check_database(path)


async def test_old_backup_is_brought_up_at_the_next_start(path: Path, clock: ManualClock):
    """A backup of an older schema can be restored."""
    backup = path.with_name("old")
    old_schema(backup)

    sqlite_files.restore_database(backup, path)

    async with SQLiteStore(path, clock) as store:
        assert (await insert(store)).id == 2


# --- space ------------------------------------------------------------------------------------


async def delete_everything(store: SQLiteStore) -> None:
    assert store._writer is not None  # wholesale, which no statement of ours does
    for table in ("events", "tasks"):
        await store._writer.call(lambda c, table=table: c.execute(f"DELETE FROM {table}"))  # type: ignore[misc]


async def test_deletions_give_space_back(path: Path, clock: ManualClock):
    """A purged store does not stay as large as it was, and goes on working meanwhile."""
    async with SQLiteStore(path, clock) as store:
        for _ in range(200):
            await insert(store, description="x" * 20_000)
        await store.tidy()
        before = size_of(path)
        await delete_everything(store)

        await asyncio.gather(store.tidy(), insert(store), insert(store))

        assert before > 200 * 20_000
        assert size_of(path) < 300_000


async def test_compacting_gives_all_space_back(path: Path, clock: ManualClock):
    """The file is rewritten as small as it can be, also while the server runs."""
    async with SQLiteStore(path, clock) as store:
        for _ in range(200):
            await insert(store, description="x" * 20_000)
        await delete_everything(store)

        sqlite_files.compact(path)
        await insert(store)

        assert size_of(path) < 300_000


def test_compacting_what_is_no_store(path: Path):
    """One sentence."""
    path.parent.mkdir()
    path.write_bytes(b"dear diary " * 1000)

    with pytest.raises(StoreUnusable, match="could not be compacted"):
        sqlite_files.compact(path)
