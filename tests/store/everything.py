"""Stores with rows of every kind and awkward content; and what a store holds, row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

from athena.model.text import epoch_milliseconds
from athena.store import transfer
from athena.store.base import Reading, Store, Transaction, Value
from athena.store.transfer import TABLES, Cells, Table
from tests.store.clock import START

Facts = dict[str, Value]
NOW = epoch_milliseconds(START)
EVENTS_OF_A_TASK = 5
# Every seventeenth task was deleted; so were the last ones, and the last events and keys.
DELETED_EVERY = 17
DELETED_AT_THE_END = 7
LEASE_MS = 7_200_000
# Where a lease runs out is told anew after a move.
OF_A_LEASE = ("lease_deadline", "lease_expires_at")
_BIGGEST = 2**63 - 1

TEXTS = (
    "Deploy new service",
    "",
    " \t\r\n spaces around \n",
    "quotes \" ' and \\u0000 \\ as they were typed",
    "control \x01\x08\x1b\x1f\x7f\x80\x9f",
    "Grüße, 你好, مرحبا, שלום, हिन्दी",
    "e\u0301 is not é; \u200d\u200e\u202e\u2028\u2029\ufeff",
    "\ud7ff\ue000\ufffd\ufffe\uffff\U00010000\U0010ffff",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "x" * 3_000,
)
COSTS = (None, 0.0, 0.1 + 0.2, 5e-324, 1e-310, 1 / 3, 999_999.999_999_9, 1e6, 2.0**-1074, 42.0)
RESULTS = (
    None,
    {"success": True, "output": "Grüße 👋", "total_cost_usd": 0.30000000000000004},
    {"huge": 2**64 - 1, "low": -(2**63), "float": 1e308, "small": 5e-324, "zero": -0.0},
    {"nested": [[[{"a": [None, True, False, 1, 1.0]}]]], "": "\u2028"},
)


async def fill(store: Store, *, tasks: int) -> None:
    """Put so many tasks in, less the deleted ones, with all that belongs to them."""

    async def act(tx: Transaction) -> None:
        for table in TABLES:
            rows = (_cells(table, facts) for facts in _facts_of(table, tasks))
            while some := list(islice(rows, 500)):
                await transfer.insert(tx, table, some)
        await transfer.set_id_counters(
            tx,
            {
                "tasks": tasks,
                "events": tasks * EVENTS_OF_A_TASK + DELETED_AT_THE_END,
                "api_keys": 100 + DELETED_AT_THE_END,
                "questions": tasks,
                "messages": tasks + DELETED_AT_THE_END,
            },
        )

    await store.run(act)


def _cells(table: Table, facts: Facts) -> Cells:
    return [facts.get(column) for column in table.columns]


def _facts_of(table: Table, tasks: int) -> Iterator[Facts]:
    if table.name in _OF_EACH_TASK:
        return (_OF_EACH_TASK[table.name](number) for number in _ids(tasks))
    match table.name:
        case "task_dependencies":
            return _dependencies(tasks)
        case "events":
            return (_event(number) for number in range(1, tasks * EVENTS_OF_A_TASK + 1))
        case "transcript_lines":
            return (line for number in _ids(tasks) for line in _lines(number))
        case "session_uses":
            uses = (_session_use(number) for number in _ids(tasks))
            return iter(sorted(uses, key=lambda use: (str(use["session_id"]), use["task_id"])))
        case "idempotency_keys":
            numbered = sorted(_ids(tasks // 10), key=lambda number: f"key:{number}")
            return (_answer(number) for number in numbered)
        case "discord_deliveries":
            return (_delivery(number) for number in range(tasks // 2))
        case _:
            return iter(_FEW[table.name])


def _ids(tasks: int) -> Iterator[int]:
    last = tasks - DELETED_AT_THE_END
    return (number for number in range(1, last + 1) if number % DELETED_EVERY)


def _text(number: int) -> str:
    return TEXTS[number % len(TEXTS)]


def _task(number: int) -> Facts:
    facts: Facts = {
        "id": number,
        "description": f"{number}: {_text(number)}",
        "priority": number % 4,
        "project": ("", "havuncore", "other")[number % 3],
        "target": ("", "pi", "gpu")[number // 3 % 3],
        "lane": f"lane-{number}" if number % 5 == 0 else None,
        "created_at": NOW + number,
        "created_by": None if number % 7 == 0 else _text(number + 1),
        "created_via": "api",
        "submitter": _text(number + 2),
        "updated_at": NOW + 2 * number,
        "max_attempts": 1 + number % 3,
        "attempt": number % 3,
        "failures": number % 2,
        "dependencies": 0,
        "unmet": 0,
        "notes": None if number % 6 == 0 else _text(number + 3),
        "error": _text(number + 4) if number % 6 == 0 else None,
        "session_id": f"session-{number}" if number % 2 else None,
        "continues": f"session-{number - 1}" if number % 8 == 0 else None,
        "metadata": json.dumps({"n": number, _text(number): _text(number + 5)}, ensure_ascii=False),
    }
    kind = number % 10
    return facts | (
        _ended(number) if kind < 5 else _running(number) if kind == 5 else _pending(number)
    )


def _ended(number: int) -> Facts:
    result = RESULTS[number % len(RESULTS)]
    return {
        "status": ("completed", "failed", "cancelled")[number % 3],
        "claimed_by": f"worker-{number % 50}",
        "claimed_at": NOW + 3 * number,
        "late_holder": "worker-1" if number % 4 == 0 else None,
        "lease_ms": LEASE_MS if number % 4 == 0 else None,
        "result": None if result is None else json.dumps(result, ensure_ascii=bool(number % 2)),
        "cost_usd": COSTS[number % len(COSTS)],
        "completed_at": NOW + 4 * number,
    }


def _running(number: int) -> Facts:
    return {
        "status": "in_progress",
        "attempt": 1 + number % 3,
        "claimed_by": f"worker-{number % 50}",
        "claimed_at": NOW + 3 * number,
        "lease_ms": LEASE_MS + number,
        "lease_deadline": 1_000 + number,
        "lease_expires_at": NOW + number,
        "phase": ("working", "waiting", "auditing", "testing", "committing")[number // 10 % 5],
        "progress_percent": number % 101,
        "progress_message": _text(number),
    }


def _pending(number: int) -> Facts:
    readiness = ("ready", "scheduled", "blocked", "held", "parked")[number // 10 % 5]
    return {
        "status": "pending",
        "readiness": readiness,
        "offered_to": ("", "pi", "gpu")[number // 3 % 3],
        "not_before": NOW + _BIGGEST // 10**6 if readiness == "scheduled" else None,
        "due_at": NOW + 99 if readiness in {"scheduled", "parked"} else None,
        "parked_until": NOW + 99 if readiness == "parked" else None,
        "asker": "pi" if readiness == "parked" else None,
        "parked_question": number if readiness == "parked" and number % 4 else None,
        "affinity": "pi" if readiness == "parked" else None,
        "affinity_until": NOW + 100 if readiness == "parked" else None,
        "dependencies": int(readiness == "blocked"),
        "unmet": int(readiness == "blocked"),
    }


def _dependencies(tasks: int) -> Iterator[Facts]:
    there = set(_ids(tasks))
    for number in _ids(tasks):
        for before in (number - 30, number - 3):
            if number % 10 > 5 and before in there:
                yield {"task_id": number, "depends_on": before}


def _event(number: int) -> Facts:
    return {
        "id": number,
        # Also of tasks that are gone, and of none.
        "task_id": None if number % 11 == 0 else number // EVENTS_OF_A_TASK + 1,
        "type": ("task.submitted", "task.claimed", "task.completed")[number % 3],
        "at": NOW + number,
        "actor_kind": ("key", "discord", "instance", "system")[number % 4],
        "actor_name": _text(number),
        "data": json.dumps({"of": _text(number), "n": number}, ensure_ascii=bool(number % 2)),
    }


def _question(number: int) -> Facts:
    kind = ("text", "choice", "approval")[number % 3]
    answered = number % 4 == 0
    answer = ("allow", "deny")[number % 2] if kind == "approval" else f"{number}: {_text(number)}"
    return {
        "id": number,
        "task_id": number,
        "attempt": 1 + number % 3,
        "instance": "pi",
        "kind": kind,
        "text": f"{number}: {_text(number + 1)}",
        "choices": json.dumps(TEXTS, ensure_ascii=False) if kind == "choice" else None,
        "action": json.dumps({"tool": "Bash", "input": {"command": _text(number)}})
        if kind == "approval"
        else None,
        "key": f"key-{_text(number + 2)}" if number % 2 else None,
        "status": "answered" if answered else ("open", "withdrawn")[number % 5 == 0],
        "asked_at": NOW + number,
        "answer": answer if answered else None,
        "note": _text(number + 3) if answered else None,
        "answered_by": _text(number + 4) if answered else None,
        "answered_via": "discord" if answered else None,
        "answered_at": _BIGGEST if answered else None,
    }


def _message(number: int) -> Facts:
    return {
        "id": number,
        "task_id": number,
        "text": f"{number}: {_text(number)}",
        "sent_by": _text(number + 1),
        "sent_via": "api",
        "sent_at": NOW + number,
        "follow_up": _BIGGEST if number % 3 else None,
    }


def _transcript(number: int) -> Facts:
    """Of some none is kept any more."""
    lines = list(_lines(number))
    return {
        "task_id": number,
        "last_id": number % 3 + len(lines),
        "lines": len(lines),
        "text_bytes": sum(int(line["text_bytes"] or 0) for line in lines),
    }


def _attempt(number: int) -> Facts:
    return {
        "task_id": number,
        "attempt": 1 + number % 3,
        "instance": f"worker-{number % 50}",
        "next_number": number,
    }


def _lines(number: int) -> Iterator[Facts]:
    kinds = ("text", "tool", "result", "system", "error", "test", "git")
    for place in range(number % 4):
        text = _text(number + place)
        yield {
            "task_id": number,
            "id": number % 3 + place + 1,
            "attempt": 1 + number % 3,
            "number": 1_000_000 * place,
            "at": NOW + place,
            "kind": kinds[(number + place) % len(kinds)],
            "text": text,
            "text_bytes": len(text.encode()),
        }


def _session_use(number: int) -> Facts:
    return {
        "session_id": f"{_text(number)[:20]}/{number % 30}",
        "task_id": number,
        "project": ("", "havuncore")[number % 2],
        "instance": None if number % 5 == 0 else f"worker-{number % 50}",
        "first_at": NOW + number,
        "last_at": NOW + 2 * number,
        "cost_usd": COSTS[number % len(COSTS)] or 0.0,
        "turns": number,
    }


def _answer(number: int) -> Facts:
    return {
        "owner": "key:1",
        "key": f"key:{number}",
        "fingerprint": f"{number:064x}",
        "task_id": number,
        "answer": json.dumps({"row": _task(number), "depends_on": [], "blocked_by": []}),
        "created_at": NOW + number,
    }


def _delivery(number: int) -> Facts:
    """Discord's ids take nearly all of 64 bits; task 0 stands for what concerns none."""
    return {
        "task_id": number,
        "guild_id": _BIGGEST,
        "channel_id": _BIGGEST - number,
        "card_id": None if number % 3 == 0 else _BIGGEST // 2 + number,
        "cards_posted": number % 3,
        "shown": _text(number),
        "thread_id": number or None,
        "progress": _text(number + 1),
        "delivered": number * EVENTS_OF_A_TASK,
    }


_OF_EACH_TASK: dict[str, Callable[[int], Facts]] = {
    "tasks": _task,
    "questions": _question,
    "messages": _message,
    "transcripts": _transcript,
    "transcript_attempts": _attempt,
}
_FEW: dict[str, list[Facts]] = {
    "instances": [
        {
            "slug": slug,
            "name": TEXTS[place],
            "host": None,
            "labels": '["gpu", "Grüße"]',
            "projects": None if place % 2 else "[]",
            "slots": place,
            "health": '{"ok": false, "free_gb": 1.5}',
            "first_seen": NOW,
            "last_seen": NOW + place,
            "online": place % 2,
        }
        # In the order of bytes, which is no language's.
        for place, slug in enumerate(["0", "A.b", "Z", "a-b", "a.b", "aB", "a_b", "ab"])
    ],
    "api_keys": [
        {
            "id": number,
            "name": TEXTS[number % len(TEXTS)],
            "shown": "ath_123456",
            "digest": f"{number:064x}",
            "scopes": "read submit work",
            "instance": "pi" if number % 3 == 0 else None,
            "created_at": NOW,
            "expires_at": _BIGGEST if number % 4 == 0 else None,
            "revoked_at": NOW + 5 if number % 5 == 0 else None,
        }
        for number in range(3, 101)
    ],
    "pauses": [
        {"project": "", "instance": ""},
        {"project": "", "instance": "pi"},
        {"project": "havuncore", "instance": ""},
    ],
    "sink_cursors": [{"sink": "discord", "position": 17}, {"sink": "ä", "position": _BIGGEST}],
    "discord_outgoing": [
        {
            "task_id": 0,
            "kind": "notice",
            "channel_id": _BIGGEST,
            "nonce": "n",
            "through": 3,
            "begun_at": NOW,
            "content": TEXTS[6],
            "file_name": "result.md",
            "file_text": TEXTS[7] * 100,
        },
        {
            "task_id": 9,
            "kind": "card",
            "channel_id": 1,
            "nonce": "",
            "through": 0,
            "begun_at": 0,
            "content": "",
            "reply_to": _BIGGEST,
            "mention": _BIGGEST,
        },
        {
            "task_id": 11,
            "kind": "question",
            "channel_id": 1,
            "nonce": "7-q",
            "through": 7,
            "begun_at": NOW,
            "content": TEXTS[5],
            "question_id": _BIGGEST,
        },
    ],
    "discord_questions": [
        {
            "question_id": 4,
            "task_id": 11,
            "channel_id": _BIGGEST,
            "message_id": _BIGGEST,
            "shown": "",
        },
        {"question_id": 7, "task_id": 11, "channel_id": 1, "message_id": 2, "shown": "d"},
    ],
    "discord_commands": [
        {"scope": "123", "fingerprint": "f"},
        {"scope": "global", "fingerprint": ""},
    ],
}


async def everything_in(store: Store) -> dict[str, list[Cells]]:
    """Every row of every table, and how far its ids have come; but not when leases run out."""

    async def query(reading: Reading) -> dict[str, list[Cells]]:
        rows = {table.name: await _rows(reading, table) for table in TABLES}
        ids = await transfer.id_counters(reading)
        return {**rows, "id counters": [[name, last] for name, last in ids.items()]}

    return await store.read(query)


async def _rows(reading: Reading, table: Table) -> list[Cells]:
    """As `page` gives them, but in pages of another size than an export takes."""
    rows: list[Cells] = []
    while some := await transfer.page(reading, table, after=rows[-1] if rows else None, limit=777):
        rows += some
    if table.name != "tasks":
        return rows
    hidden = {table.columns.index(column) for column in OF_A_LEASE}
    return [[None if place in hidden else cell for place, cell in enumerate(row)] for row in rows]
