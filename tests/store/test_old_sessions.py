"""What the tasks of an older Athena tell of sessions is there after the update."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from athena.store.statements import load_migrations
from tests.postgres import databases

STEP = 5
TASKS = """
INSERT INTO tasks (description, status, priority, project, created_at, created_via, submitter,
    updated_at, max_attempts, readiness, offered_to, attempt, claimed_by, claimed_at, completed_at,
    cost_usd, session_id, continues, result)
VALUES
('done', 'completed', 1, 'p', 10, 'api', '', 40, 3, NULL, NULL, 1, 'pi', 20, 40, 0.5, 's1', NULL,
    '{"num_turns": 7, "huge": 18446744073709551615, "text": "\\u00e9"}'),
('goes on', 'completed', 1, '', 11, 'api', '', 41, 3, NULL, NULL, 1, 'mac', 21, 41, 0.25, 's1',
    's1', '{"num_turns": "7"}'),
('is to go on', 'pending', 1, '', 12, 'api', '', 12, 3, 'ready', '', 0, NULL, NULL, NULL, NULL,
    NULL, 's1', NULL),
('another', 'failed', 1, '', 13, 'api', '', 43, 3, NULL, NULL, 1, 'pi', 23, 43, NULL, 's2', 's0',
    '{"num_turns": 1.5}'),
('parked', 'pending', 1, '', 14, 'api', '', 44, 3, 'ready', '', 1, NULL, NULL, NULL, NULL, 's3',
    NULL, '[]'),
('no name', 'completed', 1, '', 15, 'api', '', 45, 3, NULL, NULL, 1, 'pi', 25, 45, 1, '', NULL,
    '{"num_turns": 10000000000000}'),
('none', 'completed', 1, '', 16, 'api', '', 46, 3, NULL, NULL, 1, 'pi', 26, 46, 1, NULL, NULL,
    NULL)
"""
USES = """SELECT session_id, task_id, project, instance, first_at, last_at, cost_usd, turns
FROM session_uses ORDER BY session_id, task_id"""


def on_sqlite() -> Sequence[tuple[Any, ...]]:
    """Stepped over the update on SQLite."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in load_migrations("sqlite")[:STEP]:
            if migration.number == STEP:
                connection.execute(TASKS)
            connection.executescript(migration.sql)
        return connection.execute(USES).fetchall()


def on_postgres() -> Sequence[tuple[Any, ...]]:
    """The same on PostgreSQL."""
    server = databases()
    database = server.create_empty_database()
    try:
        for migration in load_migrations("postgres")[:STEP]:
            if migration.number == STEP:
                server.execute(TASKS, database=database)
            server.execute(migration.sql, database=database)
        return [tuple(row) for row in server.query(USES, database=database)]
    finally:
        server.drop(database)


@pytest.mark.parametrize("stepped", [on_sqlite, pytest.param(on_postgres, marks=pytest.mark.slow)])
def test_sessions_of_older_tasks_are_known(stepped: Any):
    """As far as they are named; what is no number of turns counts nothing."""
    assert stepped() == [
        ("s0", 4, "", "pi", 13, 23, 0.0, 0),
        ("s1", 1, "p", "pi", 20, 40, 0.5, 7),
        ("s1", 2, "", "mac", 21, 41, 0.25, 0),
        ("s1", 3, "", None, 12, 12, 0.0, 0),
        ("s2", 4, "", "pi", 23, 43, 0.0, 0),
        ("s3", 5, "", None, 14, 44, 0.0, 0),
    ]
