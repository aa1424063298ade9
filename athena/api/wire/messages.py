"""How messages look in JSON."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import TypedDict

from athena.api.wire.tasks import TaskJson, task_json
from athena.model.message import Sent
from athena.model.text import iso


class MessageJson(TypedDict):
    """What was said to a task; `follow_up` is the task that it was made into, as it is now."""

    id: int
    task_id: int
    text: str
    sent_by: str
    sent_via: str
    sent_at: str
    follow_up: TaskJson | None


def message_json(sent: Sent) -> MessageJson:
    """A message."""
    message, follow_up = sent.message, sent.follow_up
    return {
        "id": message.id,
        "task_id": message.task_id,
        "text": message.text,
        "sent_by": message.sent_by,
        "sent_via": message.sent_via,
        "sent_at": iso(message.sent_at),
        "follow_up": None if follow_up is None else task_json(follow_up),
    }


class MessagePage(TypedDict):
    """Some of a task's messages, the oldest first; `next_after` is where to go on from."""

    messages: list[MessageJson]
    next_after: int


def message_page(sent: Sequence[Sent], *, after: int) -> MessagePage:
    """The messages behind the one of id `after`."""
    return {
        "messages": [message_json(one) for one in sent],
        "next_after": sent[-1].message.id if sent else after,
    }
