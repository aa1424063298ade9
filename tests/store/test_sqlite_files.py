"""The file of a store: made, migrated, locked, copied, put back (SQLite only)."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from athena.model.task import TaskId
from athena.store import sqlite_files, tasks
from athena.store.base import Committed, Role, StoreUnusable
from athena.store.sqlite import SQLiteStore
from athena.store.statements import Migration, load_migrations
from tests.store.clock import ManualClock
from tests.store.files import (
    NEWEST,
    copy_of,
    make_store,
    old_schema,
    query,
    write,
)
from tests.store.samples import claim, insert, save_notes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store will be."""
    return tmp_path / "data" / "tasks.db"


# --- a new file -------------------------------------------------------------------------------


async def test_new_store_is_its_owners_alone(path: Path, clock: ManualClock):
    """File, log and folder can be read by nobody else."""
    async with SQLiteStore(path, clock) as store:
        await insert(store)
        modes = {f.name: oct(f.stat().st_mode & 0o777) for f in path.parent.iterdir()}

    assert modes == dict.fromkeys(
        ["tasks.db", "tasks.db-wal", "tasks.db-shm", "tasks.db.lock"], "0o600"
    )
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_store_survives_power_loss(path: Path, clock: ManualClock):
    """Every commit of the writer is flushed to the disk; readers are not in its way."""
    async with SQLiteStore(path, clock) as store:
        assert store._writer is not None  # the setting is the writer's own
        synchronous = await store._writer.call(
            lambda connection: connection.execute("PRAGMA synchronous").fetchone()
        )

    assert tuple(synchronous) == (2,)
    assert query(path, "PRAGMA journal_mode") == [("wal",)]


def test_schema_is_the_newest(path: Path):
    """A new file has every migration."""
    sqlite_files.prepare(path)

    assert sqlite_files.check_database(path) == NEWEST


async def test_no_other_file_ends_in_db(path: Path, clock: ManualClock):
    """Whoever looks for databases finds one."""
    old_schema(path)
    await make_store(path, clock)
    sqlite_files.restore_database(copy_of(path), path)

    assert [f.name for f in path.parent.iterdir() if f.suffix == ".db"] == ["tasks.db"]


# --- files that are not ours ------------------------------------------------------------------


def test_foreign_database_is_refused_untouched(path: Path):
    """Somebody else's database stays as it is, to the byte."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(StoreUnusable, match="not one of Athena's"):
        sqlite_files.prepare(path)
    with pytest.raises(StoreUnusable, match="not one of Athena's"):
        sqlite_files.prepare_for_visitor(path)
    with pytest.raises(StoreUnusable, match="not one of Athena's"):
        sqlite_files.check_database(path)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_file_that_is_no_database_is_refused_untouched(path: Path):
    """Nothing is ever recreated over a file that cannot be read."""
    path.parent.mkdir()
    path.write_bytes(b"dear diary " * 1000)

    for act in (sqlite_files.prepare, sqlite_files.prepare_for_visitor):
        with pytest.raises(StoreUnusable, match="not a database"):
            act(path)

    assert path.read_bytes() == b"dear diary " * 1000


def test_newer_schema_is_refused_untouched(path: Path):
    """An older Athena does not touch what a newer one wrote, and says what to do."""
    sqlite_files.prepare(path)
    query(path, f"PRAGMA user_version = {NEWEST + 1}")

    for act in (
        sqlite_files.prepare,
        sqlite_files.prepare_for_visitor,
        sqlite_files.check_database,
    ):
        with pytest.raises(StoreUnusable, match=r"newer Athena .* update Athena"):
            act(path)

    assert query(path, "PRAGMA user_version") == [(NEWEST + 1,)]


@pytest.mark.parametrize("name", ["folder", "file/below.db"])
def test_path_that_cannot_be_is_refused(tmp_path: Path, name: str):
    """A folder, or a path below a file: one sentence."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnusable, match="cannot be opened"):
        sqlite_files.prepare(tmp_path / name)


async def test_failed_start_leaves_nothing_open(path: Path, clock: ManualClock):
    """A store that could not be opened can be, once it is mended."""
    write(path, b"dear diary " * 1000)
    store = SQLiteStore(path, clock)
    with pytest.raises(StoreUnusable):
        await store.open()

    write(path, b"")

    await make_store(path, clock)


# --- migrations -------------------------------------------------------------------------------


@pytest.mark.parametrize("version", range(1, NEWEST))
async def test_old_file_is_brought_up(path: Path, clock: ManualClock, version: int):
    """Nothing of it is lost, and a copy of it as it was stands beside it."""
    old_schema(path, version)

    async with SQLiteStore(path, clock) as store:
        task = await store.read(lambda reading: tasks.get(reading, TaskId(1)))

    assert task.description == "from long ago"
    assert sqlite_files.check_database(path) == NEWEST
    copy = path.with_name(f"tasks.db.before-{version + 1:04}")
    assert sqlite_files.check_database(copy) == version
    assert query(copy, "SELECT description FROM tasks") == [("from long ago",)]


def test_file_that_is_up_to_date_is_not_copied(path: Path):
    """A start that has nothing to migrate leaves no copy."""
    sqlite_files.prepare(path)
    sqlite_files.prepare(path)

    assert not list(path.parent.glob("*.before-*"))


def test_migration_is_applied_whole_or_not_at_all(path: Path):
    """A step that fails half way leaves the schema and its number as they were."""
    sqlite_files.prepare(path)
    bad = Migration(NEWEST + 1, "bad", "CREATE TABLE half (a); CREATE TABLE tasks (b);")

    with contextlib.closing(sqlite_files.connect(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="already exists"):
            sqlite_files._apply(connection, bad)  # the step alone; no such migration is shipped
        assert not connection.in_transaction

    assert sqlite_files.check_database(path) == NEWEST
    assert query(path, "SELECT 1 FROM sqlite_master WHERE name = 'half'") == []


def test_visitor_does_not_migrate(path: Path):
    """A command beside the server leaves the schema alone, and says what to do."""
    old_schema(path)

    with pytest.raises(StoreUnusable, match="athena migrate"):
        sqlite_files.prepare_for_visitor(path)

    assert query(path, "PRAGMA user_version") == [(1,)]


async def test_visitor_makes_a_store_where_there_is_none(path: Path, clock: ManualClock):
    """`athena keys create` before the first `serve`."""
    async with SQLiteStore(path, clock, Role.VISITOR) as store:
        await insert(store)

    assert sqlite_files.check_database(path) == NEWEST


# --- one server a file ------------------------------------------------------------------------


async def test_second_server_is_told_who_holds_the_file(path: Path, clock: ManualClock):
    """It names the process."""
    async with SQLiteStore(path, clock):
        with pytest.raises(StoreUnusable, match=rf"pid {os.getpid()}\b"):
            await SQLiteStore(path, clock).open()

    await make_store(path, clock)


def test_lock_ends_with_its_process(path: Path):
    """Kill -9 leaves no lock behind."""
    code = (
        "import os, pathlib, signal, sys\n"
        "from athena.store import sqlite_files\n"
        "with sqlite_files.locked(pathlib.Path(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60)
    assert done.returncode == -9
    assert path.with_name("tasks.db.lock").exists()

    with sqlite_files.locked(path):
        pass


async def test_visitor_may_write_beside_the_server(path: Path, clock: ManualClock):
    """And the server notices, once."""
    async with SQLiteStore(path, clock) as store:
        told: list[Committed] = []
        store.on_commit(told.append)
        await store.check_for_foreign_writes()
        await insert(store)
        await store.check_for_foreign_writes()
        assert [committed.wake_all for committed in told] == [False]

        async with SQLiteStore(path, clock, Role.VISITOR) as visitor:
            await insert(visitor)
        await store.check_for_foreign_writes()
        await store.check_for_foreign_writes()

    assert [committed.wake_all for committed in told] == [False, True]


async def test_what_a_visitor_changed_is_not_remembered_otherwise(path: Path, clock: ManualClock):
    """Nor is it overwritten by what the server had written before."""
    async with SQLiteStore(path, clock) as store:
        task = await insert(store)
        noted = await store.run(lambda tx: save_notes(tx, task, "ours"))
        async with SQLiteStore(path, clock, Role.VISITOR) as visitor:
            await visitor.run(lambda tx: save_notes(tx, noted, "theirs"))

        found = await store.run(lambda tx: tasks.lock(tx, task.id))

    assert found.notes == "theirs"


async def test_visitor_renews_no_lease(path: Path, clock: ManualClock):
    """Only a start of the server does."""
    async with SQLiteStore(path, clock) as store:
        task = await insert(store)
        held = await store.run(lambda tx: claim(tx, task))
        clock.restart()
        async with SQLiteStore(path, clock, Role.VISITOR):
            pass
        found = await store.read(lambda reading: tasks.get(reading, task.id))

    assert found.lease_deadline == held.lease_deadline


def test_migrations_are_numbered_and_named():
    """1, 2, 3, ..., each with its one idea in its name."""
    migrations = load_migrations("sqlite")

    assert [m.number for m in migrations] == list(range(1, NEWEST + 1))
    assert all(re.fullmatch(r"[a-z_]+", m.name) for m in migrations)
