"""What differs on PostgreSQL: little, each with its reason; and everything is understood there."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from athena.store import sqlite_files
from athena.store.postgres_connections import options
from athena.store.statements import compile_statement, load_migrations, load_statements
from tests.postgres import databases

COMMON: Final = load_statements("none")
STATEMENTS: Final = load_statements("postgres")
OVERRIDDEN: Final = sorted(
    name
    for file in (Path(sqlite_files.__file__).parent / "sql" / "postgres").glob("*.sql")
    for name in re.findall(r"^-- name: (\w+)", file.read_text("utf-8"), re.MULTILINE)
)
# Understood as they are, but they would do something else.
BEHAVES_DIFFERENTLY: Final = {
    "lock_task": "one of several writers has to lock what it changes",
    "lock_task_if_free": "and must not wait for another while it holds locks of its own",
}
# What our values are to asyncpg: str, str, int, int, float.
KNOWN_TYPES: Final = {"text", "json", "bigint", "integer", "double precision"}
# Parameters that are small by their nature or by the edges' checks; any other number is a BIGINT.
SMALL: Final = {
    "attempt", "cards_posted", "dependencies", "ended", "failures", "is_first", "look_at",
    "lines", "look_at_ended", "max_attempts", "online", "pending", "priority", "progress_percent",
    "running", "slots", "unmet", "was_attempt",
}  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a migrated database."""
    name = databases().create_database()
    yield databases().url(name)
    databases().drop(name)


Parameters = Mapping[str, tuple[str, ...] | str]


@pytest.fixture(scope="module")
def parameters(database: str) -> Parameters:
    """The types of each statement's parameters, or why it is not understood."""
    return _asked(database, STATEMENTS)


@pytest.fixture(scope="module")
def parameters_of_common(database: str) -> Parameters:
    """The same of the common texts."""
    return _asked(database, {name: COMMON[name] for name in OVERRIDDEN})


def _asked(url: str, statements: Mapping[str, str]) -> Parameters:
    async def ask() -> Parameters:
        connection = await asyncpg.connect(url, **options())
        try:
            return {name: await _types(connection, sql) for name, sql in statements.items()}
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, ask()).result()


async def _types(connection: asyncpg.Connection[asyncpg.Record], sql: str) -> tuple[str, ...] | str:
    try:
        await connection.execute(f"PREPARE asked AS {compile_statement(sql, '$').sql}")
    except asyncpg.PostgresError as error:
        return str(error)
    types = await connection.fetchval(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'"
    )
    await connection.execute("DEALLOCATE asked")
    return tuple(types)


def _names(sql: str) -> list[str]:
    """The parameters in the order of their numbers."""
    found = re.findall(r"--[^\n]*|'[^']*'|(?<!:):([a-z_][a-z0-9_]*)", sql)
    return list(dict.fromkeys(name for name in found if name))


@pytest.mark.parametrize("statement", sorted(STATEMENTS))
def test_statement_is_understood(parameters: Parameters, statement: str):
    """With parameters of the types that our values have."""
    types = parameters[statement]

    assert not isinstance(types, str), types
    assert set(types) <= KNOWN_TYPES


@pytest.mark.parametrize("statement", sorted(STATEMENTS))
def test_no_time_and_no_id_is_taken_for_a_small_number(parameters: Parameters, statement: str):
    """An INTEGER ends at 2,147,483,647: epoch milliseconds and Discord's ids are beyond that."""
    types = parameters[statement]
    small = {n for n, t in zip(_names(STATEMENTS[statement]), types, strict=True) if t == "integer"}

    assert small <= SMALL


@pytest.mark.parametrize("statement", OVERRIDDEN)
def test_override_says_why(statement: str):
    """In the comment that stands first."""
    assert re.match(r"-- Overridden: \S.{8,}", STATEMENTS[statement])


@pytest.mark.parametrize("statement", OVERRIDDEN)
def test_override_is_needed(parameters_of_common: Parameters, statement: str):
    """The common text is not understood there, or means something else."""
    is_understood = not isinstance(parameters_of_common[statement], str)

    assert is_understood == (statement in BEHAVES_DIFFERENTLY)


@pytest.mark.parametrize("statement", OVERRIDDEN)
def test_override_takes_the_same_parameters(statement: str):
    """The store does not know which of the two it uses."""
    assert set(_names(STATEMENTS[statement])) == set(_names(COMMON[statement]))


def test_search_by_text_is_translated():
    """LIKE minds the case there and ILIKE does not; nothing else is touched."""
    assert " LIKE " in COMMON["list_pending"]
    assert COMMON["list_pending"].replace(" LIKE ", " ILIKE ") == STATEMENTS["list_pending"]


# --- the schema -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An empty SQLite store."""
    path = tmp_path_factory.mktemp("schema") / "tasks.db"
    sqlite_files.prepare(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield connection


def _query(url: str, sql: str) -> list[tuple[Any, ...]]:
    name = url.rpartition("/")[2]
    return [tuple(row) for row in databases().query(sql, database=name)]


def test_both_engines_have_the_same_steps():
    """A migration is a step of the one schema, whichever engine it is written for."""
    assert [(m.number, m.name) for m in load_migrations("postgres")] == [
        (m.number, m.name) for m in load_migrations("sqlite")
    ]


def test_both_engines_have_the_same_columns(database: str, sqlite: sqlite3.Connection):
    """By name, in the same order, and as often obligatory."""
    ours = _query(
        database,
        """SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns
           WHERE table_schema = 'public' AND table_name <> 'schema_version'
           ORDER BY table_name COLLATE "C", ordinal_position""",
    )
    theirs = sqlite.execute(
        """SELECT t.name, c.name, c."notnull" OR c.pk FROM sqlite_schema AS t
           JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
           ORDER BY t.name, c.cid"""
    ).fetchall()

    assert ours == [(table, column, bool(is_needed)) for table, column, is_needed in theirs]


def test_both_engines_have_the_same_indexes(database: str, sqlite: sqlite3.Connection):
    """By name; those that a key brings have none of their own."""
    ours = _query(
        database,
        """SELECT indexname, tablename FROM pg_indexes WHERE schemaname = 'public'
           AND indexname NOT LIKE '%\\_key' AND indexname NOT LIKE '%\\_pkey'""",
    )
    theirs = sqlite.execute(
        "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()

    assert sorted(ours) == sorted(theirs)


def test_both_engines_have_as_many_checks(database: str, sqlite: sqlite3.Connection):
    """The second fence is as high on either side."""
    ours = _query(
        database,
        """SELECT conrelid::regclass::text, count(*) FROM pg_constraint
           WHERE contype = 'c' AND conrelid <> 0 GROUP BY conrelid""",
    )
    theirs = {
        name: len(re.findall(r"\bCHECK\s*\(", sql))
        for name, sql in sqlite.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
    }

    assert dict(ours) == {name: checks for name, checks in theirs.items() if checks}


def test_text_is_compared_byte_by_byte(database: str):
    """Whatever language the database was created for, lists are sorted as on SQLite."""
    others = _query(
        database,
        """SELECT table_name, column_name FROM information_schema.columns
           WHERE table_schema = 'public' AND data_type = 'text'
           AND collation_name IS DISTINCT FROM 'C'""",
    )

    assert others == []
