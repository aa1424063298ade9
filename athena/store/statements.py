"""Reads the named SQL statements of `store/sql/`, and a database's numbered migrations.

A statement begins at a line `-- name: NAME` and ends at the next one. An engine may override a
statement where it really differs, in a folder of its own, with its reason beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_NUMBERED: Final = re.compile(r"^(\d{4})_(\w+)\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str


def load_statements(engine: str) -> Mapping[str, str]:
    """All statements by name, with the engine's overrides in place of the common ones.

    Raises: ValueError, where two common statements share a name or an override replaces nothing.
    """
    folder = files("athena.store") / "sql"
    statements = _read_folder(folder)
    overrides = folder / engine
    if overrides.is_dir():
        for name, sql in _read_folder(overrides).items():
            if name not in statements:
                raise ValueError(f"{engine} overrides {name}, which does not exist")
            statements[name] = sql
    return statements


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
