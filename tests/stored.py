"""What a server has stored, read and written behind its back, on whichever engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.postgres import Databases
from tests.running import RunningServer


def rows_of(server: RunningServer, sql: str) -> list[dict[str, Any]]:
    """The rows of one statement."""
    file = file_of(server)
    if file is None:
        return [dict(row) for row in Databases(server.database_url).query(sql)]
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql)]


def write(server: RunningServer, sql: str) -> None:
    """Carry out one statement; nobody is told."""
    file = file_of(server)
    if file is None:
        Databases(server.database_url).execute(sql)
        return
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(sql)


def file_of(server: RunningServer) -> Path | None:
    """The file of a server on SQLite."""
    scheme, _, path = server.database_url.partition(":///")
    return Path(path) if scheme == "sqlite" else None
