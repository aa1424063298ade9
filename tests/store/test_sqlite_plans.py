"""No statement that is asked often reads through a table: its plan is pinned (SQLite only).

A claim takes as long at a million tasks as at a thousand because of these indexes; a statement
that loses its index still gives the right answer, and so no other test would notice.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from athena.store import sqlite_files
from athena.store.statements import load_statements

STATEMENTS = load_statements("sqlite")

INDEX_OF = {
    "claim_candidate": "tasks_ready_any",
    "claim_candidate_of_projects": "tasks_ready",
    "ready_projects": "tasks_ready",
    "due_tasks": "tasks_due",
    "expired_tasks": "tasks_lease",
    "held_tasks": "tasks_held",
    "list_pending": "tasks_pending",
    "list_running": "tasks_running",
    "list_ended": "tasks_ended",
    "place_in_queue": "tasks_pending",
    "ended_before": "tasks_ended",
    "running_in_lane": "tasks_lane_running",
    "first_open_in_lane": "tasks_lane_open",
    "first_started_in_lane": "tasks_lane_started",
    "hold_lane": "tasks_lane_ready",
    "dependents_of": "task_dependencies_reverse",
    "count_dependents": "task_dependencies_reverse",
    "events_of_task": "events_task",
    "completed_since": "tasks_ended",
    "cost_since": "tasks_ended",
    "recent_durations": "tasks_ended",
    "delete_idempotency_keys_before": "idempotency_keys_created",
    "find_question_by_key": "questions_named",
    "count_questions": "questions_task",
    "open_questions_of_task": "questions_task",
    "list_open_questions": "questions_open",
    "list_questions_of_task": "questions_task",
    "count_messages": "messages_task",
    "list_messages": "messages_task",
    "list_follow_ups": "messages_task",
    "claim_of_attempt": "events_task",
    "list_sessions": "session_uses_last",
}
# By their names, and by those that they have in statements.
LARGE = (
    *("tasks", "head", "d", "dependency", "events", "api_keys", "instances"),
    *("questions", "messages"),
    *("transcripts", "transcript_attempts", "transcript_lines"),
    *("session_uses", "uses", "own", "later", "known"),
)
# Read whole on purpose: small tables, or figures that count everything.
READ_WHOLE = {
    "all_held",
    "count_by_status",
    "count_instances",
    "count_pending_by_priority",
    "discord_choices",
    "list_discord_commands",
    "list_instances",
    "list_keys",
    "list_pauses",
    "oldest_pending",
    "recent_durations",
    "renew_all_leases",
    "silent_instances",
}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """The plan of every statement, as SQLite makes it for an empty store."""
    path: Path = tmp_path_factory.mktemp("plans") / "tasks.db"
    sqlite_files.prepare(path)
    with contextlib.closing(sqlite_files.connect(path)) as connection:
        yield {
            name: [
                str(row[3])
                for row in connection.execute(
                    f"EXPLAIN QUERY PLAN {sql}",
                    dict.fromkeys(re.findall(r":(\w+)", sql)),
                )
            ]
            for name, sql in STATEMENTS.items()
        }


@pytest.mark.parametrize(("statement", "index"), INDEX_OF.items())
def test_statement_uses_its_index(plans: dict[str, list[str]], statement: str, index: str):
    """By a search or an ordered walk, without sorting a table's worth of rows."""
    plan = "\n".join(plans[statement])

    assert re.search(rf"USING (COVERING )?INDEX {index}\b", plan), plan


@pytest.mark.parametrize("statement", sorted(STATEMENTS.keys() - READ_WHOLE))
def test_no_table_is_read_through(plans: dict[str, list[str]], statement: str):
    """Every table is searched by a key."""
    scanned = [step for step in plans[statement] if re.match(rf"SCAN ({'|'.join(LARGE)})\b", step)]

    assert scanned == []


@pytest.mark.parametrize(
    "statement",
    ["due_tasks", "expired_tasks", "list_pending", "list_running", "list_ended", "events_after"],
)
def test_order_comes_from_the_index(plans: dict[str, list[str]], statement: str):
    """A page of a long list is not sorted out of all of it."""
    assert not any("TEMP B-TREE" in step for step in plans[statement])
