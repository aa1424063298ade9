"""The event log and its rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import orjson

from athena.model.event import Actor, ActorKind, Event, EventId, Happening
from athena.model.task import TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store.base import Reading, Record, Row, Transaction, Value
from athena.store.columns import json_column


async def append(
    tx: Transaction, happening: Happening, by: Actor, *, task_id: TaskId | None = None
) -> None:
    """Write one event; it is told to everybody once the transaction is committed."""
    await tx.record(Record(happening.type, task_id, tx.now, by, happening.data()))


def values_of(record: Record) -> dict[str, Value]:
    """The columns of an event that has no id yet."""
    return {
        "task_id": record.task_id,
        "type": record.type,
        "at": epoch_milliseconds(record.at),
        "actor_kind": record.actor.kind.value,
        "actor_name": record.actor.name,
        "data": orjson.dumps(record.data).decode(),
    }


def from_row(row: Row) -> Event:
    """The event that a row holds."""
    return Event(
        id=EventId(row["id"]),
        type=row["type"],
        task_id=row["task_id"],
        at=from_epoch_milliseconds(row["at"]),
        actor=Actor(ActorKind(row["actor_kind"]), row["actor_name"]),
        data=orjson.loads(row["data"]),
    )


async def after(reading: Reading, position: int, *, limit: int) -> list[Event]:
    """The events after a position, in order."""
    rows = await reading.fetch_all("events_after", {"after": position, "limit": limit})
    return [from_row(row) for row in rows]


async def of_task(reading: Reading, task_id: TaskId, *, position: int, limit: int) -> list[Event]:
    """The events of a task after a position, in order."""
    values = {"task_id": task_id, "after": position, "limit": limit}
    return [from_row(row) for row in await reading.fetch_all("events_of_task", values)]


async def last_time_of(reading: Reading, task_id: TaskId, type_: str) -> datetime | None:
    """When something of this type last happened to the task, as far as the log is kept."""
    row = await reading.fetch_one("last_event_of_type", {"task_id": task_id, "type": type_})
    return None if row is None else from_epoch_milliseconds(row["at"])


async def last_id(reading: Reading) -> EventId:
    """The position of the newest event; 0 where there is none."""
    row = await reading.fetch_one("last_event_id")
    return EventId((row or {"id": 0})["id"])


async def first_id(reading: Reading) -> EventId:
    """The position of the oldest event that is kept; 0 where there is none."""
    row = await reading.fetch_one("first_event_id")
    return EventId((row or {"id": 0})["id"])


async def delete_before(
    tx: Transaction, before: datetime, *, sinks: Collection[str], limit: int
) -> int:
    """Remove some of the oldest events, never one that one of the sinks has not read."""
    row = await tx.fetch_one("lowest_cursor", {"sinks": json_column(sorted(sinks))})
    lowest = None if row is None else row["position"]
    keep_from = await last_id(tx) if lowest is None else lowest
    values = {"before": epoch_milliseconds(before), "keep_from": keep_from, "limit": limit}
    return await tx.execute("delete_events_before", values)


async def cursor(reading: Reading, sink: str) -> EventId | None:
    """How far the sink has read; None where it has never begun."""
    row = await reading.fetch_one("get_cursor", {"sink": sink})
    return None if row is None else EventId(row["position"])


async def move_cursor(tx: Transaction, sink: str, position: EventId) -> None:
    """Note how far the sink has read."""
    await tx.execute("set_cursor", {"sink": sink, "position": position})
