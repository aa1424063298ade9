"""Reads the named SQL statements of `store/sql/`, and a database's numbered migrations.

A statement begins at a line `-- name: NAME` and ends at the next one. An engine may override a
statement where it really differs, in a folder of its own, with its reason beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import itemgetter
from typing import Any, Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
# A parameter, but not the second colon of a cast, nor what stands in a comment or in quotes.
_PARAMETER: Final = re.compile(r"--[^\n]*|'[^']*'|(?<!:):([a-z_][a-z0-9_]*)")
# What stands for another word of the common text. SQLite's LIKE ignores the case of ASCII letters,
# and so does ILIKE on columns that are compared byte by byte. (`lower()` on both sides would do on
# both engines, and cost SQLite two to three times as much.)
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {"postgres": {" LIKE ": " ILIKE "}}
_NUMBERED: Final = re.compile(r"^(\d{4})_(\w+)\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as an engine takes it: numbered parameters, and how to bind them from names."""

    sql: str
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]


def compile_statement(sql: str, mark: str) -> Statement:
    """Number the parameters (`mark` is the engine's sign before the number).

    Binding by position costs a fifth of what sqlite3's binding by name does, and is the only way
    that asyncpg knows.
    """
    names = parameters_of(sql)
    text = with_parameters(sql, lambda name: f"{mark}{names.index(name) + 1}")
    return Statement(text, _binder(names))


def parameters_of(sql: str) -> list[str]:
    """The names of a statement's parameters, each once, in the order in which they are bound."""
    return list(dict.fromkeys(m[1] for m in _PARAMETER.finditer(sql) if m[1] is not None))


def with_parameters(sql: str, written: Callable[[str], str]) -> str:
    """The statement with each of its parameters written in another way."""
    return _PARAMETER.sub(lambda match: match[0] if match[1] is None else written(match[1]), sql)


def _binder(names: list[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    match names:
        case []:
            return lambda _values: ()
        case [only]:
            return lambda values: (values[only],)
        case _:
            return itemgetter(*names)


def load_statements(engine: str) -> Mapping[str, str]:
    """All statements by name, with the engine's overrides in place of the common ones.

    Raises: ValueError, where two common statements share a name or an override replaces nothing.
    """
    folder = files("athena.store") / "sql"
    statements = {name: _translated(sql, engine) for name, sql in _read_folder(folder).items()}
    overrides = folder / engine
    if overrides.is_dir():
        for name, sql in _read_folder(overrides).items():
            if name not in statements:
                raise ValueError(f"{engine} overrides {name}, which does not exist")
            statements[name] = sql
    return statements


def _translated(sql: str, engine: str) -> str:
    for word, its_own in _WORDS.get(engine, {}).items():
        sql = sql.replace(word, its_own)
    return sql


def _read_folder(folder: Traversable) -> dict[str, str]:
    statements: dict[str, str] = {}
    for file in folder.iterdir():
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.split(file.read_text(encoding="utf-8"))[1:]
        for name, sql in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"two statements are called {name}")
            statements[name] = sql.strip().rstrip(";")
    return statements


def load_migrations(engine: str) -> tuple[Migration, ...]:
    """The engine's migrations in order.

    Raises: ValueError, where a number is missing or taken twice.
    """
    folder = files("athena.store") / "migrations" / engine
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if (match := _NUMBERED.match(file.name))
    ]
    migrations = tuple(sorted(found, key=lambda migration: migration.number))
    if [m.number for m in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError(f"the migrations for {engine} are not numbered 1, 2, 3, ...")
    return migrations
