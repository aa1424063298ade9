"""How instances look in JSON, and the answers to their heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from athena.model.instance import Presence
from athena.model.task import TaskId
from athena.model.text import iso
from athena.service.instances import HeartbeatAnswer


class InstanceJson(TypedDict):
    """An instance, with what it last said of itself and the ids of the tasks it holds."""

    instance: str
    name: str
    online: bool
    last_seen: str
    host: str | None
    platform: str | None
    version: str | None
    labels: tuple[str, ...]
    projects: tuple[str, ...] | None
    slots: int | None
    tasks: tuple[TaskId, ...]
    health: Mapping[str, Any]


class InstanceList(TypedDict):
    """Every instance that was ever seen."""

    instances: list[InstanceJson]


def instance_json(presence: Presence) -> InstanceJson:
    """An instance."""
    instance = presence.instance
    return {
        "instance": instance.slug,
        "name": instance.display_name,
        "online": instance.online,
        "last_seen": iso(instance.last_seen),
        "host": instance.host,
        "platform": instance.platform,
        "version": instance.version,
        "labels": instance.labels,
        "projects": instance.projects,
        "slots": instance.slots,
        "tasks": presence.tasks,
        "health": instance.health,
    }


class LostJson(TypedDict):
    """A task that the instance no longer holds, and why."""

    id: int
    code: str


class HeartbeatJson(TypedDict):
    """What became of the tasks named; `unnamed` are held too, but were not mentioned."""

    instance: str
    held: tuple[TaskId, ...]
    lost: list[LostJson]
    unnamed: tuple[TaskId, ...]


def heartbeat_json(answer: HeartbeatAnswer) -> HeartbeatJson:
    """The answer to a heartbeat."""
    return {
        "instance": answer.instance,
        "held": answer.held,
        "lost": [{"id": lost.task_id, "code": lost.code} for lost in answer.lost],
        "unnamed": answer.unnamed,
    }
