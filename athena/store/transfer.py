"""Whole tables for moving a store: every row in the order of its key, and back in as it was.

Each table is described here by its columns and its key; what a row means is not looked at. A test
compares the columns with the schema of each engine: none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from athena.store.base import Reading, Transaction, Value

# A row may have some 100 KB, nearly all have less than one.
PAGE_ROWS: Final = 200
# Ids count from 1, but for task 0 among Discord's records: what concerns no task.
_BEFORE_ALL_IDS: Final = -1
_BEFORE_ALL_TEXTS: Final = ""

Cells = Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table: its statements, its columns in the order of the file, what a page starts from.

    `start` has a value for each column of the key that stands before all that occur.
    """

    name: str
    page: str
    insert: str
    columns: tuple[str, ...]
    start: Mapping[str, Value]
    counts_ids: bool = False

    @property
    def key_places(self) -> tuple[int, ...]:
        """Where among the columns the key stands."""
        return tuple(self.columns.index(column) for column in self.start)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which engine holds the store, and the number of its newest migration."""

    engine: str
    schema: int


# A table stands behind those that it refers to.
TABLES: Final = (
    Table(
        name="tasks",
        page="export_tasks",
        insert="import_tasks",
        columns=tuple(
            "id description status priority project target lane created_at created_by created_via"
            " submitter updated_at not_before max_attempts attempt failures claimed_by claimed_at"
            " late_holder lease_ms lease_deadline lease_expires_at readiness dependencies unmet"
            " parked_until asker parked_question affinity affinity_until offered_to due_at phase"
            " progress_percent progress_message notes error result cost_usd completed_at session_id"
            " continues metadata".split()
        ),
        start={"id": _BEFORE_ALL_IDS},
        counts_ids=True,
    ),
    Table(
        name="task_dependencies",
        page="export_task_dependencies",
        insert="import_task_dependencies",
        columns=("task_id", "depends_on"),
        start={"task_id": _BEFORE_ALL_IDS, "depends_on": _BEFORE_ALL_IDS},
    ),
    Table(
        name="questions",
        page="export_questions",
        insert="import_questions",
        columns=tuple(
            "id task_id attempt instance kind text choices action key status asked_at answer note"
            " answered_by answered_via answered_at".split()
        ),
        start={"id": _BEFORE_ALL_IDS},
        counts_ids=True,
    ),
    Table(
        name="messages",
        page="export_messages",
        insert="import_messages",
        columns=("id", "task_id", "text", "sent_by", "sent_via", "sent_at", "follow_up"),
        start={"id": _BEFORE_ALL_IDS},
        counts_ids=True,
    ),
    Table(
        name="transcripts",
        page="export_transcripts",
        insert="import_transcripts",
        columns=("task_id", "last_id", "lines", "text_bytes"),
        start={"task_id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="transcript_attempts",
        page="export_transcript_attempts",
        insert="import_transcript_attempts",
        columns=("task_id", "attempt", "instance", "next_number"),
        start={"task_id": _BEFORE_ALL_IDS, "attempt": _BEFORE_ALL_IDS},
    ),
    Table(
        name="transcript_lines",
        page="export_transcript_lines",
        insert="import_transcript_lines",
        columns=("task_id", "id", "attempt", "number", "at", "kind", "text", "text_bytes"),
        start={"task_id": _BEFORE_ALL_IDS, "id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="session_uses",
        page="export_session_uses",
        insert="import_session_uses",
        columns=tuple(
            "session_id task_id project instance first_at last_at cost_usd turns".split()
        ),
        start={"session_id": _BEFORE_ALL_TEXTS, "task_id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="events",
        page="export_events",
        insert="import_events",
        columns=("id", "task_id", "type", "at", "actor_kind", "actor_name", "data"),
        start={"id": _BEFORE_ALL_IDS},
        counts_ids=True,
    ),
    Table(
        name="instances",
        page="export_instances",
        insert="import_instances",
        columns=tuple(
            "slug name host platform version labels projects slots health first_seen last_seen"
            " online".split()
        ),
        start={"slug": _BEFORE_ALL_TEXTS},
    ),
    Table(
        name="api_keys",
        page="export_api_keys",
        insert="import_api_keys",
        columns=tuple(
            "id name shown digest scopes instance created_at expires_at last_used_at"
            " revoked_at".split()
        ),
        start={"id": _BEFORE_ALL_IDS},
        counts_ids=True,
    ),
    Table(
        name="pauses",
        page="export_pauses",
        insert="import_pauses",
        columns=("project", "instance"),
        start={"project": _BEFORE_ALL_TEXTS, "instance": _BEFORE_ALL_TEXTS},
    ),
    Table(
        name="idempotency_keys",
        page="export_idempotency_keys",
        insert="import_idempotency_keys",
        columns=("owner", "key", "fingerprint", "task_id", "answer", "created_at"),
        start={"owner": _BEFORE_ALL_TEXTS, "key": _BEFORE_ALL_TEXTS},
    ),
    Table(
        name="sink_cursors",
        page="export_sink_cursors",
        insert="import_sink_cursors",
        columns=("sink", "position"),
        start={"sink": _BEFORE_ALL_TEXTS},
    ),
    Table(
        name="discord_deliveries",
        page="export_discord_deliveries",
        insert="import_discord_deliveries",
        columns=tuple(
            "task_id guild_id channel_id card_id cards_posted shown thread_id progress_id progress"
            " delivered".split()
        ),
        start={"task_id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="discord_outgoing",
        page="export_discord_outgoing",
        insert="import_discord_outgoing",
        columns=tuple(
            "task_id kind channel_id nonce through begun_at content reply_to mention file_name"
            " file_text question_id".split()
        ),
        start={"task_id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="discord_questions",
        page="export_discord_questions",
        insert="import_discord_questions",
        columns=("question_id", "task_id", "channel_id", "message_id", "shown"),
        start={"question_id": _BEFORE_ALL_IDS},
    ),
    Table(
        name="discord_commands",
        page="export_discord_commands",
        insert="import_discord_commands",
        columns=("scope", "fingerprint"),
        start={"scope": _BEFORE_ALL_TEXTS},
    ),
)


async def page(
    reading: Reading, table: Table, *, after: Cells | None, limit: int = PAGE_ROWS
) -> list[Cells]:
    """The rows behind one of the table's rows, or the first ones, in the order of the key."""
    values: dict[str, Value] = {"limit": limit, "is_first": int(after is None), **table.start}
    if after is not None:
        for column, place in zip(table.start, table.key_places, strict=True):
            values[column] = after[place]
    rows = await reading.fetch_all(table.page, values)
    return [[row[column] for column in table.columns] for row in rows]


async def insert(tx: Transaction, table: Table, rows: Sequence[Cells]) -> None:
    """Write rows as they are, ids included, in the order of the key."""
    for row in rows:
        key = tuple(row[place] for place in table.key_places)
        values = dict(zip(table.columns, row, strict=True))
        await tx.defer(table.insert, (table.name, key), values)
    # A read of nothing has what was deferred written: it must not pile up in memory.
    await page(tx, table, after=None, limit=0)


async def find_filled(reading: Reading) -> str | None:
    """The name of a table that has a row, or None where all are empty."""
    for table in TABLES:
        if await page(reading, table, after=None, limit=1):
            return table.name
    return None


async def origin(reading: Reading) -> Origin:
    """Where the rows stand."""
    row = await reading.fetch_one("store_origin") or {}
    return Origin(row["engine"], row["schema"])


async def id_counters(reading: Reading) -> dict[str, int]:
    """For each table that counts its ids: the highest that it has ever given, 0 for none."""
    found = {row["name"]: row["last_id"] for row in await reading.fetch_all("id_counters")}
    return {table.name: found.get(table.name, 0) for table in TABLES if table.counts_ids}


async def set_id_counters(tx: Transaction, counters: Mapping[str, int]) -> None:
    """Have each table go on behind the highest id that it has ever given."""
    for name, last_id in counters.items():
        await tx.execute("set_id_counter", {"name": name, "last_id": last_id})
