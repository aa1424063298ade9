"""API keys, idempotency keys, and their rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from athena.model.errors import KeyNotFound
from athena.model.key import Key, KeyId, Scope
from athena.model.task import Task, TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store import task_rows
from athena.store.base import Reading, Row, Transaction
from athena.store.columns import time_column, time_value

# Whoever repeats a request because Athena was stopped for an update must find its answer: columns
# that tasks have got since answers are kept, as they are for a task of before.
_COLUMNS_SINCE: Final[Row] = {"asker": None, "parked_question": None}


def from_row(row: Row) -> Key:
    """The key that a row holds."""
    return Key(
        id=KeyId(row["id"]),
        name=row["name"],
        shown=row["shown"],
        digest=row["digest"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        instance=row["instance"],
        created_at=from_epoch_milliseconds(row["created_at"]),
        expires_at=time_value(row["expires_at"]),
        last_used_at=time_value(row["last_used_at"]),
        revoked_at=time_value(row["revoked_at"]),
    )


async def insert(tx: Transaction, key: Key) -> Key:
    """Store a new key; gives it with its id."""
    key_id = await tx.insert(
        "insert_key",
        {
            "name": key.name,
            "shown": key.shown,
            "digest": key.digest,
            "scopes": " ".join(sorted(scope.value for scope in key.scopes)),
            "instance": key.instance,
            "created_at": epoch_milliseconds(key.created_at),
            "expires_at": time_column(key.expires_at),
        },
    )
    return replace(key, id=KeyId(key_id))


async def get(reading: Reading, key_id: KeyId) -> Key:
    """The key.

    Raises: KeyNotFound.
    """
    row = await reading.fetch_one("get_key", {"id": key_id})
    if row is None:
        raise KeyNotFound(f"There is no key {key_id}.")
    return from_row(row)


async def find_by_digest(reading: Reading, digest: str) -> Key | None:
    """The key whose secret has the digest, revoked ones too, or None."""
    row = await reading.fetch_one("find_key_by_digest", {"digest": digest})
    return None if row is None else from_row(row)


async def list_all(reading: Reading) -> list[Key]:
    """Every key, revoked ones too, by id."""
    return [from_row(row) for row in await reading.fetch_all("list_keys")]


async def revoke(tx: Transaction, key_id: KeyId) -> bool:
    """End the key's validity; False where it was revoked before."""
    values = {"id": key_id, "revoked_at": epoch_milliseconds(tx.now)}
    return await tx.execute("revoke_key", values) == 1


async def note_use(tx: Transaction, key_id: KeyId, at: datetime) -> None:
    """Note when the key was last used."""
    values = {"id": key_id, "last_used_at": epoch_milliseconds(at)}
    await tx.execute("note_key_use", values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A repeatable request that was carried out: what it was, and the task that it gave."""

    fingerprint: str
    task: Task


async def find_answer(reading: Reading, *, owner: str, key: str) -> Answered | None:
    """What was answered to the owner's request of that idempotency key, or None."""
    row = await reading.fetch_one("find_idempotency_key", {"owner": owner, "key": key})
    if row is None:
        return None
    answer = json.loads(row["answer"])
    task = replace(
        task_rows.from_row({**_COLUMNS_SINCE, **answer["row"]}),
        depends_on=tuple(TaskId(i) for i in answer["depends_on"]),
        blocked_by=tuple(TaskId(i) for i in answer["blocked_by"]),
    )
    return Answered(fingerprint=row["fingerprint"], task=task)


async def insert_answer(tx: Transaction, answered: Answered, *, owner: str, key: str) -> None:
    """Keep the answer for as long as the request may be repeated."""
    task = answered.task
    answer = {
        "row": task_rows.to_row(task),
        "depends_on": task.depends_on,
        "blocked_by": task.blocked_by,
    }
    await tx.execute(
        "insert_idempotency_key",
        {
            "owner": owner,
            "key": key,
            "fingerprint": answered.fingerprint,
            "task_id": task.id,
            "answer": json.dumps(answer, ensure_ascii=False),
            "created_at": epoch_milliseconds(tx.now),
        },
    )


async def delete_answer(tx: Transaction, *, owner: str, key: str) -> None:
    """Forget an answer that never reached its asker."""
    await tx.execute("delete_idempotency_key", {"owner": owner, "key": key})


async def delete_answers_before(tx: Transaction, before: datetime, *, limit: int) -> int:
    """Forget some of the answers that are too old to be asked for again."""
    values = {"before": epoch_milliseconds(before), "limit": limit}
    return await tx.execute("delete_idempotency_keys_before", values)
