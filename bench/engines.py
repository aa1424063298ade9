"""Databases of both engines to be measured: made empty, filled by SQL, served by Athenas."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from athena.clock import SystemClock
from athena.store.base import Store
from athena.store.postgres import PostgresStore
from athena.store.sqlite import SQLiteStore
from bench.processes import athena, database_in
from bench.seeding import Filling, filling_postgres, filling_sqlite
from tests.postgres import PostgresServer
from tests.postgres_guard import read_pid_file
from tests.running import RunningServer


class Engine(StrEnum):
    SQLITE = "SQLite"
    POSTGRES = "PostgreSQL"


@dataclass(frozen=True, slots=True)
class Database:
    """One, with the newest schema. `pids`: its server's processes, without their children."""

    url: str
    fill: Callable[[], AbstractContextManager[Filling]]
    open: Callable[[], Store]
    pids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Served:
    """The Athenas on one database. `pids`: all that work for them, without their children."""

    ports: Sequence[int]
    pids: Sequence[int]


@contextmanager
def databases(engine: Engine) -> Iterator[Callable[[], Database]]:
    """What makes one after another; durable, all of them."""
    if engine is Engine.SQLITE:
        with tempfile.TemporaryDirectory(prefix="athena-bench-") as folder:
            numbers = itertools.count(1)
            yield lambda: _sqlite(Path(folder) / str(next(numbers)))
    else:
        with PostgresServer(is_durable=True) as server:
            server.make_template()
            yield lambda: _postgres(server)


def _sqlite(folder: Path) -> Database:
    path = database_in(folder)
    return Database(
        f"sqlite:///{path}", partial(filling_sqlite, path), lambda: SQLiteStore(path, SystemClock())
    )


def _postgres(server: PostgresServer) -> Database:
    name = server.create_database()
    url = server.url(name)
    pid = int(read_pid_file(server.data)[0])
    return Database(
        url, partial(filling_postgres, server, name), lambda: PostgresStore(url), pids=[pid]
    )


@contextmanager
def serving(database: Database, replicas: int = 1) -> Iterator[Served]:
    """Real `athena serve`s, as many as wanted, for the length of the block."""
    with ExitStack() as stack:
        servers: list[RunningServer] = []
        for _ in range(replicas):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="athena-bench-")))
            settings = {"ATHENA_DATABASE_URL": database.url}
            servers.append(stack.enter_context(athena(folder, settings)))
        own = [server.process.pid for server in servers if server.process is not None]
        yield Served([server.port for server in servers], [*own, *database.pids])
