"""One statement for many rows: what becomes of its text, and that it finds its rows by an index."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from athena.store.postgres_batches import Batches, for_lists
from athena.store.postgres_connections import options
from athena.store.statements import compile_statement, load_statements
from tests.postgres import databases

STATEMENTS = load_statements("postgres")
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


def test_update_takes_its_rows_from_lists():
    """Every parameter is a column of the list, and the condition picks each row's own."""
    sql = "UPDATE t SET a = :a, b = NULL\nWHERE id = :id AND a <> :a"

    assert for_lists(sql, ["text", "int8"]) == (
        "UPDATE t SET a = given.new_a, b = NULL\n"
        "FROM unnest($1::text[], $2::int8[]) WITH ORDINALITY AS given (new_a, new_id, place)\n"
        "WHERE id = given.new_id AND a <> given.new_a"
    )


def test_insert_keeps_the_order_of_its_rows():
    """Ids are given in this order; what to do about conflicts stays behind it."""
    sql = "INSERT INTO t (a)\nVALUES (:a)\nON CONFLICT (a) DO NOTHING"

    assert for_lists(sql, ["text"]) == (
        "INSERT INTO t (a)\nSELECT given.new_a "
        "FROM unnest($1::text[]) WITH ORDINALITY AS given (new_a, place) ORDER BY given.place\n"
        "ON CONFLICT (a) DO NOTHING"
    )


def test_ids_are_given_under_a_lock():
    """It is taken once, before the rows are sorted, and ids are given after that."""
    sql = for_lists("INSERT INTO t (a) VALUES (:a)", ["text"], lock=7)

    assert "FROM (SELECT pg_advisory_xact_lock(7)) AS locked CROSS JOIN unnest(" in sql
    assert sql.endswith("ORDER BY given.place")


@pytest.mark.parametrize("sql", ["DELETE FROM t WHERE id = :id", "UPDATE t SET a = :a"])
def test_what_cannot_be_done_for_many_rows_is_refused(sql: str):
    """An UPDATE of everything, or a statement of another kind."""
    with pytest.raises(ValueError, match="many rows"):
        for_lists(sql, ["int8"])


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database without a row."""
    name = databases().create_database()
    yield databases().url(name)
    databases().drop(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFERRED)
async def test_rows_are_found_by_their_index_from_the_first_plan_on(database: str, name: str):
    """A plan that is made while the tables are empty is kept while they grow."""
    settings: dict[str, Any] = options(by_index=True)
    settings["server_settings"] |= {"plan_cache_mode": "force_generic_plan"}
    connection = await asyncpg.connect(database, **settings)
    try:
        one = compile_statement(STATEMENTS[name], "$").sql
        sql = await Batches(STATEMENTS, {}).sql(connection, name, one)
        prepared = await connection.prepare(f"EXPLAIN (FORMAT JSON) {sql}")
        given: list[list[object]] = [[] for _ in prepared.get_parameters()]
        plan = json.loads(await prepared.fetchval(*given))
    finally:
        async with asyncio.timeout(30):
            await connection.close()

    nodes = list(_nodes(plan[0]["Plan"]))
    assert "Seq Scan" not in nodes
    assert "Hash Join" not in nodes


def _nodes(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["Node Type"]
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
