"""A restore is wanted most where the store is broken."""

from pathlib import Path

import pytest

from athena.store import sqlite_files
from athena.store.base import StoreUnusable


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / "backup.sqlite3"
    sqlite_files.prepare(tmp_path / "source")
    sqlite_files.copy_database(tmp_path / "source", path)
    return path


def test_a_damaged_store_is_replaced_and_its_bytes_are_kept(tmp_path, backup):
    """What cannot be read cannot be copied either: it is put aside as it is."""
    store = tmp_path / "tasks.db"
    store.write_bytes(b"not a database at all")

    former = sqlite_files.restore_database(backup, store)

    assert sqlite_files.check_database(store) == sqlite_files.check_database(backup)
    assert former is not None
    assert former.read_bytes() == b"not a database at all"


def test_a_damaged_backup_replaces_nothing(tmp_path, backup):
    """A restore begins with a look at what is restored."""
    store = tmp_path / "tasks.db"
    sqlite_files.prepare(store)
    backup.write_bytes(backup.read_bytes()[:5000])

    with pytest.raises(StoreUnusable):
        sqlite_files.restore_database(backup, store)

    assert sqlite_files.check_database(store)
