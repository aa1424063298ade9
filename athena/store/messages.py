"""Messages to tasks, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from athena.model.message import Message, MessageId, Sent
from athena.model.task import TaskId
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store import task_rows, tasks
from athena.store.base import Reading, Row, Transaction


def from_row(row: Row) -> Message:
    """The message that a row holds."""
    follow_up = row["follow_up"]
    return Message(
        id=MessageId(row["id"]),
        task_id=TaskId(row["task_id"]),
        text=row["text"],
        sent_by=row["sent_by"],
        sent_via=row["sent_via"],
        sent_at=from_epoch_milliseconds(row["sent_at"]),
        follow_up=None if follow_up is None else TaskId(follow_up),
    )


async def insert(tx: Transaction, message: Message) -> Message:
    """Store a new message; gives it with its id."""
    message_id = await tx.insert(
        "insert_message",
        {
            "task_id": message.task_id,
            "text": message.text,
            "sent_by": message.sent_by,
            "sent_via": message.sent_via,
            "sent_at": epoch_milliseconds(message.sent_at),
            "follow_up": message.follow_up,
        },
    )
    return replace(message, id=MessageId(message_id))


async def count(reading: Reading, task_id: TaskId) -> int:
    """How many messages the task was sent."""
    row = await reading.fetch_one("count_messages", {"task_id": task_id})
    return int((row or {"messages": 0})["messages"])


async def of_task(reading: Reading, task_id: TaskId, *, after: int, limit: int) -> Sequence[Sent]:
    """The task's messages after one of that id, the oldest first, with their follow-ups."""
    values = {"task_id": task_id, "after": after, "limit": limit}
    found = [from_row(row) for row in await reading.fetch_all("list_messages", values)]
    if all(message.follow_up is None for message in found):
        return [Sent(message=message) for message in found]
    values = {"task_id": task_id, "after": after, "through": found[-1].id}
    rows = await reading.fetch_all("list_follow_ups", values)
    there = await tasks.with_all_dependencies(reading, map(task_rows.from_row, rows))
    follow_ups = {task.id: task for task in there}
    return [
        Sent(
            message=message,
            follow_up=None if message.follow_up is None else follow_ups.get(message.follow_up),
        )
        for message in found
    ]
