"""No statement that is asked often reads through a table: its plan is pinned (PostgreSQL only).

Plans are looked at twice on 100,000 tasks: as they are made then, and as they were made before,
while the tables were empty. A connection keeps its plans, so that the second are those of a
server's first minutes, until autovacuum has come by.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import asyncpg
import pytest

from athena.store.postgres_connections import options
from athena.store.statements import compile_statement, load_statements
from tests.postgres import databases

pytestmark = pytest.mark.slow

STATEMENTS: Final = load_statements("postgres")
INDEX_OF: Final = {
    "claim_candidate": "tasks_ready_any",
    "claim_candidate_of_projects": "tasks_ready",
    "claim_heads": "tasks_ready_any",
    "claim_heads_of_projects": "tasks_ready",
    "ready_projects": "tasks_ready",
    "lock_task": "tasks_pkey",
    "lock_tasks": "tasks_pkey",
    "due_tasks": "tasks_due",
    "expired_tasks": "tasks_lease",
    "held_tasks": "tasks_held",
    "list_pending": "tasks_pending",
    "list_running": "tasks_running",
    "list_ended": "tasks_ended",
    "place_in_queue": "tasks_pending",
    "running_in_lane": "tasks_lane_running",
    "first_open_in_lane": "tasks_lane_open",
    "first_started_in_lane": "tasks_lane_started",
    "hold_lane": "tasks_lane_ready",
    "dependents_of": "task_dependencies_reverse",
    "depended_on": "task_dependencies_reverse",
    "dependencies_of": "task_dependencies_pkey",
    "would_close_a_cycle": "task_dependencies_pkey",
    "unmet_of": "task_dependencies_pkey",
    "count_dependents": "task_dependencies_reverse",
    "events_after": "events_pkey",
    "events_of_task": "events_task",
    "instances_of": "instances_pkey",
    "find_key_by_digest": "api_keys_digest_key",
    "find_idempotency_key": "idempotency_keys_pkey",
    "find_question_by_key": "questions_named",
    "count_questions": "questions_task",
    "open_questions_of_task": "questions_task",
    "list_open_questions": "questions_open",
    "list_questions_of_task": "questions_task",
    "count_messages": "messages_task",
    "list_messages": "messages_task",
    "list_follow_ups": "messages_task",
    "get_question": "questions_pkey",
    "get_transcript": "transcripts_pkey",
    "get_transcript_state": "transcripts_pkey",
    "get_transcript_attempt": "transcript_attempts_pkey",
    "transcript_extents": "transcripts_pkey",
    "transcript_lines_after": "transcript_lines_pkey",
    "oldest_transcript_lines": "transcript_lines_pkey",
    "delete_transcript_lines": "transcript_lines_pkey",
    "claim_of_attempt": "events_task",
    "list_sessions": "session_uses_last",
    "get_session": "session_uses_pkey",
    "tasks_of_session": "session_uses_pkey",
}
CLAIMS: Final = [
    "claim_candidate",
    "claim_candidate_of_projects",
    "claim_heads",
    "claim_heads_of_projects",
]
# Each of them reads some pages of an index and a few rows; the tasks fill some 2,000 pages.
PAGES_MAX: Final = 100
FILL: Final = """
INSERT INTO tasks (description, status, priority, project, lane, created_at, created_via, submitter,
    updated_at, max_attempts, readiness, offered_to, lease_deadline, claimed_by, claimed_at,
    attempt, completed_at, due_at)
SELECT 'task ' || n, status, n % 4, 'p' || n % 7, CASE WHEN n % 5 = 0 THEN 'lane' || n END, n,
    'api', '', n, 3,
    CASE WHEN is_pending THEN CASE n % 3 WHEN 0 THEN 'scheduled' ELSE 'ready' END END,
    CASE WHEN is_pending THEN CASE n % 11 WHEN 0 THEN 'pi' ELSE '' END END,
    CASE WHEN is_running THEN n END, CASE WHEN is_running THEN 'pi' || n % 100 END,
    CASE WHEN is_running THEN n END, CASE WHEN is_running THEN 1 ELSE 0 END,
    CASE WHEN NOT is_pending AND NOT is_running THEN n END,
    CASE WHEN is_pending AND n % 3 = 0 THEN n END
FROM generate_series(1, 100000) AS n,
LATERAL (SELECT n % 2 = 0 AS is_pending, n % 10 = 1 AS is_running) AS facts,
LATERAL (SELECT CASE WHEN is_pending THEN 'pending' WHEN is_running THEN 'in_progress'
    ELSE 'completed' END AS status) AS state;
INSERT INTO task_dependencies SELECT n, n - 2 FROM generate_series(10, 100000, 2) AS n;
INSERT INTO events (task_id, type, at, actor_kind, actor_name, data)
SELECT n, 'task.submitted', n, 'key', 'alice', '{}' FROM generate_series(1, 100000) AS n;
INSERT INTO idempotency_keys SELECT 'key:1', n, '', n, '{}', n FROM generate_series(1, 20000) AS n;
INSERT INTO api_keys (name, shown, digest, scopes, created_at)
SELECT n, n, n, '', n FROM generate_series(1, 2000) AS n;
INSERT INTO instances (slug, first_seen, last_seen, online)
SELECT 'pi' || n, n, n, 1 FROM generate_series(1, 5000) AS n;
INSERT INTO questions (task_id, attempt, instance, kind, text, key, status, asked_at, answer,
    answered_by, answered_at)
SELECT n, 1, 'pi', 'text', 'why?', n, CASE WHEN is_open THEN 'open' ELSE 'answered' END, n,
    CASE WHEN NOT is_open THEN 'so' END, CASE WHEN NOT is_open THEN 'alice' END,
    CASE WHEN NOT is_open THEN n END
FROM generate_series(1, 50000) AS n, LATERAL (SELECT n % 100 = 1 AS is_open) AS facts;
INSERT INTO messages (task_id, text, sent_by, sent_via, sent_at, follow_up)
SELECT n, 'so', 'alice', 'api', n, n + 1 FROM generate_series(1, 50000) AS n;
INSERT INTO transcripts SELECT n, 20, 20, 20 FROM generate_series(1, 5000) AS n;
INSERT INTO transcript_attempts SELECT n, 1, 'pi', 20 FROM generate_series(1, 5000) AS n;
INSERT INTO transcript_lines SELECT n / 20 + 1, n % 20 + 1, 1, n % 20, n, 'text', 'x', 1
FROM generate_series(0, 99999) AS n;
INSERT INTO session_uses (session_id, task_id, first_at, last_at)
SELECT 's' || n / 3, n, n, n FROM generate_series(1, 60000) AS n;
"""
# Autovacuum would come by at a moment of its own, and have everything planned anew.
LEFT_ALONE: Final = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);
    END LOOP;
END $$
"""
# What a list is not asked for.
FILTERS: Final = {"status", "project", "target", "claimed_by", "created_by", "priority", "q"}
# On an empty table all indexes cost the same. The first then reads what is ready, for some minutes,
# the second what is open.
LATE_ONLY: Final = {"hold_lane", "open_questions_of_task"}
# As often as it takes for a plan to be kept, where that is not dearer than planning anew.
TIMES_UNTIL_KEPT: Final = 7
# What is asked for; any other text is 'x', any other number 1.
VALUES: Final = {
    "offers": '["", "pi", "mac"]',
    "projects": '["p1", "p2"]',
    "places": '[["", 20, "p1"], ["pi", 20, "p2"]]',
    "ids": "[5, 6, 7]",
    "task_ids": "[50, 60]",
    "depends_on": "[50]",
    "slugs": '["pi1", "pi2"]',
    "limit": 20,
}

Plan = dict[str, Any]
Plans = Mapping[str, Plan]


class Explained:
    """The plans of statements as a connection keeps them."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._calls: dict[str, str] = {}

    async def prepare(self) -> None:
        """Have the statements planned, and the plans kept."""
        for name in INDEX_OF:
            sql = STATEMENTS[name]
            await self._connection.execute(f"PREPARE {name} AS {compile_statement(sql, '$').sql}")
            types = await self._connection.fetchval(
                "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1", name
            )
            names = re.findall(r"--[^\n]*|'[^']*'|(?<!:):([a-z_][a-z0-9_]*)", sql)
            arguments = zip(dict.fromkeys(filter(None, names)), types, strict=True)
            said = ", ".join(_literal(name, *argument) for argument in arguments)
            self._calls[name] = f"EXECUTE {name}({said})"
        for _ in range(TIMES_UNTIL_KEPT):
            await self.plans()

    async def plans(self) -> Plans:
        """By statement."""
        return {name: await self._explain(call) for name, call in self._calls.items()}

    async def pages_read(self, name: str) -> int:
        """How many pages the statement looks at when it is carried out."""
        plan = await self._explain(self._calls[name], "ANALYZE, BUFFERS, TIMING OFF,")
        return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])

    async def _explain(self, call: str, how: str = "") -> Plan:
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            answer = await self._connection.fetchval(f"EXPLAIN ({how} FORMAT JSON) {call}")
        finally:
            await transaction.rollback()
        plan: Plan = json.loads(answer)[0]["Plan"]
        return plan


def _literal(statement: str, name: str, type_: str) -> str:
    if statement.startswith("list_") and name in FILTERS:
        return "NULL"
    is_text = type_ in {"text", "json"}
    value = VALUES.get(name, "x" if is_text else 1)
    return f"'{value}'" if is_text else str(value)


def _steps(plan: Plan) -> Iterator[Plan]:
    yield plan
    for step in plan.get("Plans", ()):
        yield from _steps(step)


async def _carry_out(url: str, sql: str) -> None:
    """Without the time limits that a server's connections have: a busy machine takes longer."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def looked() -> Iterator[tuple[Plans, Plans, Mapping[str, int]]]:
    """Plans that were made early, plans that were made late, and pages read by claims."""
    database = databases().create_database()

    async def look() -> tuple[Plans, Plans, Mapping[str, int]]:
        connection = await asyncpg.connect(databases().url(database), **options())
        try:
            await connection.execute(LEFT_ALONE)
            explained = Explained(connection)
            await explained.prepare()
            await _carry_out(databases().url(database), FILL)
            early = await explained.plans()
            await _carry_out(databases().url(database), "VACUUM ANALYZE")
            late = await explained.plans()
            pages = {name: await explained.pages_read(name) for name in CLAIMS}
        finally:
            await connection.close()
        return early, late, pages

    with ThreadPoolExecutor(1) as executor:
        yield executor.submit(asyncio.run, look()).result()
    databases().drop(database)


@pytest.fixture(params=["early", "late"])
def plans(request: pytest.FixtureRequest, looked: tuple[Plans, Plans, Mapping[str, int]]) -> Plans:
    """Those that were made early, and those that were made late."""
    return looked[0] if request.param == "early" else looked[1]


@pytest.mark.parametrize(("statement", "index"), INDEX_OF.items())
def test_statement_uses_its_index(
    looked: tuple[Plans, Plans, Mapping[str, int]], statement: str, index: str
):
    """Also by a plan that was made early."""
    early, late, _ = looked

    for plans in (late,) if statement in LATE_ONLY else (early, late):
        steps = list(_steps(plans[statement]))
        assert index in {step.get("Index Name") for step in steps}, steps


@pytest.mark.parametrize("statement", INDEX_OF)
def test_no_table_is_read_through(plans: Plans, statement: str):
    """Every table is searched by a key."""
    steps = list(_steps(plans[statement]))

    assert [step["Relation Name"] for step in steps if step["Node Type"] == "Seq Scan"] == []


@pytest.mark.parametrize("statement", CLAIMS)
def test_heads_come_in_the_order_of_the_index(plans: Plans, statement: str):
    """Only the few heads are sorted, never what is behind them."""
    limits = [step for step in _steps(plans[statement]) if step["Node Type"] == "Limit"]
    below = [step["Node Type"] for step in _steps(limits[-1])]

    assert "Sort" not in below
    assert below[-1] in {"Index Scan", "Index Only Scan"}


@pytest.mark.parametrize(
    "statement",
    ["due_tasks", "expired_tasks", "list_pending", "list_running", "list_ended", "events_after"],
)
def test_order_comes_from_the_index(plans: Plans, statement: str):
    """A page of a long list is not sorted out of all of it."""
    assert not [step for step in _steps(plans[statement]) if "Sort" in step["Node Type"]]


@pytest.mark.parametrize("statement", CLAIMS)
def test_claim_reads_a_few_pages(looked: tuple[Plans, Plans, Mapping[str, int]], statement: str):
    """As many at a million tasks as at a hundred."""
    assert looked[2][statement] < PAGES_MAX
