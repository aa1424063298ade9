"""How events look in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from athena.model.event import Event
from athena.model.text import iso


class ActorJson(TypedDict):
    """Who caused an event."""

    kind: str
    name: str


class EventJson(TypedDict):
    """One row of the log; `data` depends on the type."""

    id: int
    type: str
    task_id: int | None
    at: str
    actor: ActorJson
    data: Mapping[str, Any]


def event_json(event: Event) -> EventJson:
    """An event."""
    return {
        "id": event.id,
        "type": event.type,
        "task_id": event.task_id,
        "at": iso(event.at),
        "actor": {"kind": event.actor.kind.value, "name": event.actor.name},
        "data": event.data,
    }


class TaskEvents(TypedDict):
    """Some of a task's history, oldest first."""

    events: list[EventJson]
    next_cursor: str | None


class EventPage(TypedDict):
    """Some of the log; `next_after` is where to go on from."""

    events: list[EventJson]
    next_after: int
