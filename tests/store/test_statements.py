"""SQL stands in named statements, each once, and every name is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import athena
from athena.store.statements import _read_folder, compile_statement, load_statements
from tests.store.engines import ENGINES

SOURCES = Path(athena.__file__).parent


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_every_statement_is_asked_for_by_name(engine: str):
    """No statement is left over, and none is missing."""
    named = {
        name
        for file in SOURCES.rglob("*.py")
        for name in re.findall(r'"([a-z]+(?:_[a-z]+)+)"', file.read_text(encoding="utf-8"))
    }

    assert set(load_statements(engine)) - named == set()


def test_sql_stands_nowhere_else():
    """Only the files of the store, and what its engines do for themselves, are SQL."""
    sql = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE)\b')

    found = [
        file.name
        for file in SOURCES.rglob("*.py")
        if not file.name.startswith(("sqlite", "postgres", "batches"))
        and sql.search(file.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_name_that_is_taken_is_refused(tmp_path: Path):
    """Two statements of one name would hide each other."""
    (tmp_path / "a.sql").write_text("-- name: look\nSELECT 1;\n")
    (tmp_path / "b.sql").write_text("-- name: look\nSELECT 2;\n")
    (tmp_path / "c.txt").write_text("-- name: look\nSELECT 3;\n")

    with pytest.raises(ValueError, match="two statements are called look"):
        _read_folder(tmp_path)  # the folder of a test instead of the shipped one


def test_statement_ends_where_the_next_begins(tmp_path: Path):
    """Comments belong to the statement; the last semicolon does not."""
    (tmp_path / "a.sql").write_text("-- name: one\n-- why\nSELECT 1;\n\n-- name: two\nSELECT 2;\n")

    assert _read_folder(tmp_path) == {"one": "-- why\nSELECT 1", "two": "SELECT 2"}


@pytest.mark.parametrize(
    ("sql", "compiled", "bound"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("SELECT :a", "SELECT ?1", (1,)),
        ("SELECT :a, :b, :a", "SELECT ?1, ?2, ?1", (1, 2)),
        ("SELECT ':b', :a -- :c\n", "SELECT ':b', ?1 -- :c\n", (1,)),
    ],
)
def test_parameters_are_bound_by_position(sql: str, compiled: str, bound: tuple[int, ...]):
    """By their names once; what stands in texts and comments is none."""
    statement = compile_statement(sql, "?")

    assert statement.sql == compiled
    assert statement.bind({"a": 1, "b": 2}) == bound
