"""What moves with a store: all of its tables and columns, whatever the engine."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from athena.store.statements import compile_statement, load_migrations, load_statements
from athena.store.transfer import TABLES, Table
from tests.postgres import databases

# Who leads belongs to the servers of one store; so does the number of its newest migration.
STAYS = {"leader", "schema_version"}


def sqlite_schema() -> dict[str, set[str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in load_migrations("sqlite"):
            connection.executescript(migration.sql)
        rows = connection.execute(
            "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
            "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        ).fetchall()
    return by_table(rows)


def postgres_schema() -> dict[str, set[str]]:
    server = databases()
    database = server.create_database()
    try:
        rows = server.query(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public'",
            database=database,
        )
    finally:
        server.drop(database)
    return by_table([(row[0], row[1]) for row in rows])


def by_table(rows: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    columns: dict[str, set[str]] = {}
    for table, column in rows:
        columns.setdefault(table, set()).add(column)
    return {table: names for table, names in columns.items() if table not in STAYS}


@pytest.mark.parametrize(
    "schema", [sqlite_schema, pytest.param(postgres_schema, marks=pytest.mark.slow)]
)
def test_no_table_and_no_column_is_forgotten(schema: Callable[[], dict[str, set[str]]]):
    """Whoever adds one to the schema adds it to what moves, or says that it stays."""
    assert {table.name: set(table.columns) for table in TABLES} == schema()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_row_is_written_with_all_its_columns(table: Table):
    """The statement that brings a row in gives each column the value of its own name."""
    sql = load_statements("sqlite")[table.insert]
    named = re.search(r"INTO (\w+) \(([^)]*)\)", sql)
    values = {column: column for column in table.columns}

    assert named is not None
    assert named[1] == table.name
    assert tuple(re.findall(r"\w+", named[2])) == table.columns
    assert compile_statement(sql, "?").bind(values) == table.columns
