"""The files of a SQLite store: opening, migrating, locking, copying, putting back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from athena.store.base import StoreUnusable
from athena.store.statements import Migration, load_migrations

ENGINE: Final = "sqlite"
_APPLICATION_ID: Final = 0x41544E41  # "ATNA": a file of Athena's, not just any database
_BUSY_TIMEOUT_SECONDS: Final = 5.0
_WAL_BYTES_MAX: Final = 64 * 1024 * 1024
# The writer's is for the indexes that every change touches; a reader's page goes out at once, and
# what it reads again comes from the system's own cache.
_WRITER_CACHE_KIB: Final = 8 * 1024
_READER_CACHE_KIB: Final = 1024
# Only these few statements exist; all of them stay prepared.
_STATEMENTS_CACHED: Final = 256


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with every setting that Athena relies on; transactions are begun by hand."""
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_CACHED,
    )
    try:
        for pragma in pragmas(read_only=read_only):
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def pragmas(*, read_only: bool) -> tuple[str, ...]:
    """The settings of a connection, as statements."""
    return (
        "PRAGMA foreign_keys = ON",
        # An acknowledged write survives a power cut: NORMAL lost hundreds when it was tried.
        "PRAGMA synchronous = FULL",
        f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}",
        f"PRAGMA cache_size = -{_READER_CACHE_KIB if read_only else _WRITER_CACHE_KIB}",
        "PRAGMA temp_store = MEMORY",
        f"PRAGMA query_only = {'ON' if read_only else 'OFF'}",
    )


def prepare(path: Path) -> None:
    """Make the file where there is none, readable by its owner alone, and bring its schema up.

    Raises: StoreUnusable, where the file is not Athena's, damaged, newer, or out of reach.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with contextlib.closing(connect(path)) as connection:
            # Before anything is set: a file that is not ours stays as it is.
            newest = len(load_migrations(ENGINE))
            _check_origin(connection, path, schema_version(connection), newest=newest)
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, path)
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(f"{path} cannot be used as Athena's database: {error}.") from error
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be opened: {error.strerror or error}.") from error


def prepare_for_visitor(path: Path) -> None:
    """See to it that the file can be used beside a server, whose schema is not to be touched.

    Raises: StoreUnusable.
    """
    if not path.exists():
        with locked(path):
            prepare(path)
        return
    try:
        with contextlib.closing(connect(path)) as connection:
            version, newest = schema_version(connection), len(load_migrations(ENGINE))
            _check_origin(connection, path, version, newest=newest)
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(f"{path} cannot be used as Athena's database: {error}.") from error
    if version < newest:
        raise StoreUnusable(f"{path} has an older schema: stop Athena and run `athena migrate`.")


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last migration that the file has seen."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is missing, one transaction a migration, after putting a copy beside the file.

    Raises: StoreUnusable.
    """
    migrations = load_migrations(ENGINE)
    version = schema_version(connection)
    _check_origin(connection, path, version, newest=len(migrations))
    pending = migrations[version:]
    if pending and version > 0:
        copy_database(path, path.with_name(f"{path.name}.before-{pending[0].number:04}"))
    for migration in pending:
        _apply(connection, migration)


def _check_origin(connection: sqlite3.Connection, path: Path, version: int, *, newest: int) -> None:
    origin = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and origin != _APPLICATION_ID:
        raise StoreUnusable(f"{path} is a database, but not one of Athena's.")
    if version > newest:
        raise StoreUnusable(
            f"{path} was written by a newer Athena (schema {version}, this one knows {newest}): "
            "update Athena, or restore the copy that the update left beside the file."
        )


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {migration.sql}\n"
            f"PRAGMA user_version = {migration.number};"
            f"PRAGMA application_id = {_APPLICATION_ID}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def copy_database(source: Path, target: Path) -> None:
    """Write a compact, checked copy of a database that may be in use; whole or not at all.

    Raises: StoreUnusable.
    """
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with contextlib.closing(sqlite3.connect(source, timeout=_BUSY_TIMEOUT_SECONDS)) as db:
            db.execute("VACUUM INTO ?", (str(partial),))
        check_database(partial)
        partial.chmod(0o600)
        _sync(partial)
        partial.replace(target)
        _sync(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnusable(f"The copy to {target} failed: {error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def check_database(path: Path) -> int:
    """Check every page of a database of Athena's; gives its schema version.

    Raises: StoreUnusable.
    """
    if not path.is_file():
        raise StoreUnusable(f"{path} is not a file.")
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            version = schema_version(connection)
            _check_origin(connection, path, version, newest=len(load_migrations(ENGINE)))
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(f"{path} is not an intact database: {error}.") from error
    if version == 0:
        raise StoreUnusable(f"{path} is not a backup of Athena's.")
    if verdict != "ok":
        raise StoreUnusable(f"{path} is damaged: {verdict}")
    return version


def restore_database(backup: Path, path: Path) -> Path | None:
    """Put a checked backup in the database's place; gives where the former one was put aside.

    No Athena may have it open: hold `locked(path)`.

    Raises: StoreUnusable.
    """
    check_database(backup)
    incoming = path.with_name(f"{path.name}.incoming")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy_database(backup, incoming)
    former = _put_aside(path) if path.exists() else None
    for stale in _companions(path):
        stale.unlink(missing_ok=True)
    incoming.replace(path)
    _sync(path.parent)
    return former


def _put_aside(path: Path) -> Path:
    former = path.with_name(f"{path.name}.before-restore")
    number = 1
    while former.exists():  # a second restore must not cost what the first put aside
        number += 1
        former = path.with_name(f"{path.name}.before-restore-{number}")
    for stale in _companions(former):
        stale.unlink(missing_ok=True)
    try:
        # A copy through SQLite, and not a rename: what is still in the WAL belongs to it.
        copy_database(path, former)
    except StoreUnusable:
        # Damaged, which is why somebody restores: what is left of it is kept as it is.
        for file, aside in zip(_companions(path), _companions(former), strict=True):
            if file.exists():
                file.replace(aside)
        path.replace(former)
    return former


def _companions(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))


def compact(path: Path) -> int:
    """Rewrite the file without its free pages; gives the number of bytes given back.

    Raises: StoreUnusable, where somebody is at work in it for too long.
    """
    before = path.stat().st_size
    try:
        with contextlib.closing(connect(path)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(f"{path} could not be compacted now: {error}.") from error
    return before - path.stat().st_size


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the one right to serve the database; freed with the process, however it ends.

    Raises: StoreUnusable, naming the process that holds it.
    """
    lock_path = path.with_name(f"{path.name}.lock")
    lock_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreUnusable(
                f"{path} is in use by another Athena (pid {holder}): stop that one first."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
