"""Instances: heartbeats, and who is there."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import (
    Attempt,
    Body,
    FreeObject,
    Id,
    Label,
    Labels,
    Projects,
    Slots,
    Slug,
)
from athena.api.reply import json_bytes
from athena.api.wire.instances import HeartbeatJson, InstanceList, heartbeat_json, instance_json
from athena.model import limits
from athena.model.key import Scope
from athena.model.task import TaskId
from athena.service.instances import Heartbeat


def _of_bounded_size(health: FreeObject) -> FreeObject:
    if len(json_bytes(health)) > limits.HEALTH_BYTES_MAX:
        raise ValueError(f"must have at most {limits.HEALTH_BYTES_MAX} bytes")
    return health


class HeldTask(Body):
    """A task that the instance works on."""

    id: Id
    attempt: Attempt | None = None


class HeartbeatBody(Body):
    """What an instance says of itself; what is left out stays as it was."""

    instance: Slug
    name: Label | None = None
    host: Label | None = None
    platform: Label | None = None
    version: Label | None = None
    labels: Labels | None = None
    projects: Projects | None = None
    slots: Slots | None = None
    health: Annotated[FreeObject, AfterValidator(_of_bounded_size)] | None = None
    tasks: Annotated[list[HeldTask], Field(max_length=limits.HEARTBEAT_TASKS_MAX)] | None = None


@endpoint("POST", "/api/instance/heartbeat", scope=Scope.WORK)
async def beat(call: Call, body: HeartbeatBody) -> HeartbeatJson:
    """Register an instance, and renew the leases of the tasks it names.

    The answer tells which of them it no longer holds, each with why, and which it holds without
    having named them. Attempts that are left out are not checked.
    """
    answer = await call.services.instances.heartbeat(
        Heartbeat(
            instance=body.instance,
            name=body.name,
            host=body.host,
            platform=body.platform,
            version=body.version,
            labels=None if body.labels is None else tuple(body.labels),
            projects=None if body.projects is None else tuple(body.projects),
            slots=body.slots,
            health=body.health,
            tasks=tuple((TaskId(task.id), task.attempt) for task in body.tasks or ()),
        ),
        by=call.actor,
    )
    return heartbeat_json(answer)


@endpoint("GET", "/api/instances", scope=Scope.READ)
async def list_instances(call: Call) -> InstanceList:
    """Tell who is there, when each was last seen, and what they hold."""
    everyone = await call.services.instances.list()
    return {"instances": [instance_json(presence) for presence in everyone]}
