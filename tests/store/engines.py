"""The engines that the conformance suite runs on: a further one is one more entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from athena.model.clock import Clock
from athena.store.base import Store
from athena.store.postgres import PostgresStore
from athena.store.sqlite import SQLiteStore
from tests.postgres import databases


@dataclass(frozen=True, slots=True)
class Engine:
    """How to get a store of one kind: every call with the same folder gives the same database."""

    name: str
    build: Callable[[Path, Clock], Store]


def _sqlite(folder: Path, clock: Clock) -> Store:
    return SQLiteStore(folder / "tasks.db", clock)


def _postgres(folder: Path, clock: Clock) -> Store:
    return PostgresStore(databases().url(databases().database_of(folder)), clock)


ENGINES = {
    engine.name: engine for engine in (Engine("sqlite", _sqlite), Engine("postgres", _postgres))
}
