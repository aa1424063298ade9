"""The engines that the suites run on: a further one is one more entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from athena.model.clock import Clock
from athena.store.base import Role, Store
from athena.store.postgres import PostgresStore
from athena.store.sqlite import SQLiteStore
from tests.postgres import databases


@dataclass(frozen=True, slots=True)
class Engine:
    """How to get a store of one kind: every call with the same folder gives the same database.

    `visit` opens it as a command does beside the server. `contents` is all that is kept there.
    `url` is what a server is given as its DATABASE_URL.
    """

    name: str
    url: Callable[[Path], str]
    build: Callable[[Path, Clock], Store]
    visit: Callable[[Path, Clock], Store]
    contents: Callable[[Path], bytes]


def _url_of_file(folder: Path) -> str:
    return f"sqlite:///{folder / 'data' / 'tasks.db'}"


def _sqlite(folder: Path, clock: Clock, role: Role = Role.SERVER) -> Store:
    return SQLiteStore(folder / "tasks.db", clock, role)


def _bytes_of_files(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def _url_of_database(folder: Path) -> str:
    return databases().url(databases().database_of(folder))


def _postgres(folder: Path, clock: Clock, role: Role = Role.SERVER) -> Store:
    return PostgresStore(_url_of_database(folder), clock, role)


def _bytes_of_rows(folder: Path) -> bytes:
    database = databases().database_of(folder)
    tables = databases().query(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=database
    )
    rows = [databases().query(f"TABLE {name}", database=database) for (name,) in tables]
    return str(rows).encode()


ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            "sqlite",
            _url_of_file,
            _sqlite,
            partial(_sqlite, role=Role.VISITOR),
            _bytes_of_files,
        ),
        Engine(
            "postgres",
            _url_of_database,
            _postgres,
            partial(_postgres, role=Role.VISITOR),
            _bytes_of_rows,
        ),
    )
}


def only_on(name: str, _reason: str) -> pytest.MarkDecorator:
    """For tests that make sense on one engine only, and why."""
    return pytest.mark.parametrize("engine", [name], indirect=True)


def mostly_on(name: str, _reason: str) -> pytest.MarkDecorator:
    """For tests that run on the other engines with `--full` only, and why that is enough."""
    return pytest.mark.parametrize("engine", _mostly(name), indirect=True)


def _mostly(name: str) -> list[object]:
    others = [pytest.param(other, marks=pytest.mark.full) for other in ENGINES if other != name]
    return [name, *others]


MOSTLY_SQLITE = _mostly("sqlite")
# For tests that run on both also where a folder's tests mostly run on one.
on_both = pytest.mark.parametrize("engine", sorted(ENGINES), indirect=True)
