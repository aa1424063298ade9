"""One statement for many rows on SQLite: its text, its sizes, and that it seeks its rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from athena.store.sqlite_batches import Batches, for_values
from athena.store.sqlite_files import connect, prepare
from athena.store.statements import load_statements, parameters_of

STATEMENTS = load_statements("sqlite")
# What is deferred by the modules of the nouns.
DEFERRED = [
    "save_claimed",
    "save_ended",
    "save_task",
    "settle_task",
    "renew_lease",
    "save_instance",
    "insert_event",
]


def test_update_takes_its_rows_from_values():
    """A parameter is a column of theirs, however often it stands there."""
    sql = "-- Why.\nUPDATE t SET a = :a\nWHERE id = :id AND a <> :a"

    assert for_values(sql, 2) == (
        "UPDATE t SET a = given.column1\nFROM (VALUES (?, ?), (?, ?)) AS given\n"
        "WHERE id = given.column2 AND a <> given.column1"
    )


def test_insert_says_what_to_do_about_conflicts_after_its_rows():
    """With a condition before it, or ON would be that of a join."""
    sql = "INSERT INTO t (a) VALUES (:a)\nON CONFLICT (a) DO NOTHING"

    assert for_values(sql, 1) == (
        "INSERT INTO t (a) SELECT given.column1 FROM (VALUES (?)) AS given WHERE true\n"
        "ON CONFLICT (a) DO NOTHING"
    )


@pytest.mark.parametrize("count", [1, 2, 3, 31, 32, 33, 100])
def test_every_row_is_in_one_batch_in_its_order(count: int):
    """Batches are of few sizes, and what is left goes one by one."""
    rows = [(number, f"n{number}") for number in range(count)]

    cut = list(Batches({"look": "UPDATE t SET a = :a\nWHERE b = :b"}).cut("look", rows))

    assert [value for _, _, values in cut for value in values] == [v for row in rows for v in row]
    assert sum(size for _, size, _ in cut) == count
    assert all((sql is None) == (size == 1) for sql, size, _ in cut)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "tasks.db"
    prepare(path)
    with closing(connect(path)) as connection:
        yield connection


@pytest.mark.parametrize("name", DEFERRED)
def test_rows_are_found_by_their_keys(connection: sqlite3.Connection, name: str):
    """The list is gone through, and the table is sought in."""
    sql = for_values(STATEMENTS[name], 32)
    values = [None] * 32 * len(parameters_of(STATEMENTS[name]))

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]

    read_through = [step for step in plan if step.startswith("SCAN")]
    assert all("given" in step or "CONSTANT" in step for step in read_through), plan
