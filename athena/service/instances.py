"""Heartbeats, and who is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from athena.model import holding
from athena.model.errors import Conflict, TaskNotFound
from athena.model.event import Actor, ActorKind, InstanceSick, InstanceWell
from athena.model.instance import Instance, Presence
from athena.model.task import TaskId
from athena.service import presence
from athena.store import events, instances, tasks
from athena.store.base import Needs, Reading, Store, Transaction

_INSTANCES_LISTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What an instance says of itself; what is None stays as it was announced before.

    `tasks`: those it works on, each with the attempt it believes to hold (None: whichever).
    """

    instance: str
    name: str | None = None
    host: str | None = None
    platform: str | None = None
    version: str | None = None
    labels: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None
    slots: int | None = None
    health: Mapping[str, object] | None = None
    tasks: tuple[tuple[TaskId, int | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that the instance no longer holds, and the code of the reason."""

    task_id: TaskId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswer:
    """What became of the tasks named; `unnamed` are held too, but were not mentioned."""

    instance: str
    held: tuple[TaskId, ...]
    lost: tuple[Lost, ...]
    unnamed: tuple[TaskId, ...]


class Instances:
    """Use cases around instances themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def heartbeat(self, beat: Heartbeat, *, by: Actor) -> HeartbeatAnswer:
        """Register the instance, and renew the leases of the tasks it names.

        The task's own row is judged, not the instance's: a restarted worker of the same name
        keeps no orphan alive.
        """

        async def act(tx: Transaction) -> HeartbeatAnswer:
            await _register(tx, beat, by)
            held, lost = [], []
            for task_id, attempt in beat.tasks:
                try:
                    await _renew(tx, task_id, beat.instance, attempt)
                except (TaskNotFound, Conflict) as refusal:
                    lost.append(Lost(task_id, refusal.code))
                else:
                    held.append(task_id)
            all_held = [task.id for task in await tasks.held_by(tx, beat.instance)]
            named = {task_id for task_id, _ in beat.tasks}
            return HeartbeatAnswer(
                instance=beat.instance,
                held=tuple(held),
                lost=tuple(lost),
                unnamed=tuple(task_id for task_id in all_held if task_id not in named),
            )

        needs = Needs(tasks=tuple(task_id for task_id, _ in beat.tasks))
        return await self._store.run(act, needs=needs, beside=True)

    async def mark_silent(self) -> int:
        """Note as offline whoever was not seen for three minutes; gives their number."""
        return await presence.mark_silent(self._store)

    async def list(self) -> list[Presence]:
        """Every instance that was ever seen, with the tasks it holds, by slug."""

        async def look(reading: Reading) -> list[Presence]:
            held = await tasks.all_held(reading)
            return [
                Presence(instance=instance, tasks=tuple(held.get(instance.slug, ())))
                for instance in await instances.list_all(reading, limit=_INSTANCES_LISTED_MAX)
            ]

        return await self._store.read(look)


async def _register(tx: Transaction, beat: Heartbeat, by: Actor) -> None:
    before = await instances.find(tx, beat.instance)
    known = before or Instance(slug=beat.instance, first_seen=tx.now, last_seen=tx.now)
    after = replace(
        known,
        name=known.name if beat.name is None else beat.name,
        host=known.host if beat.host is None else beat.host,
        platform=known.platform if beat.platform is None else beat.platform,
        version=known.version if beat.version is None else beat.version,
        labels=known.labels if beat.labels is None else beat.labels,
        projects=known.projects if beat.projects is None else beat.projects or None,
        slots=known.slots if beat.slots is None else beat.slots,
        health=known.health if beat.health is None else beat.health,
        last_seen=tx.now,
        online=True,
    )
    if replace(after, last_seen=known.last_seen) != known:
        # A claim elsewhere may be noting a sighting, and would write back what it has read before.
        await tx.alone()
    await presence.note(tx, before, after)
    if (after.labels, after.projects) != (known.labels, known.projects):
        # Its polls may fit other tasks now.
        tx.committed.wake_all = True
    change = _change_of_health(known, after)
    if change is not None:
        await events.append(tx, change, Actor(ActorKind.INSTANCE, after.slug) if before else by)


def _change_of_health(before: Instance, after: Instance) -> InstanceSick | InstanceWell | None:
    """What people are told: of each sickness once, of its end when nothing is wrong any more."""
    if after.is_sick:
        return None if before.is_sick else _sick(after, None)
    fallen = after.sick_projects - before.sick_projects
    if fallen:
        return _sick(after, tuple(sorted(fallen)))
    was_sick = before.is_sick or before.sick_projects
    return InstanceWell(instance=after.slug) if was_sick and not after.sick_projects else None


def _sick(instance: Instance, projects: tuple[str, ...] | None) -> InstanceSick:
    message = instance.health.get("message")
    return InstanceSick(
        instance=instance.slug,
        message=message if isinstance(message, str) else None,
        projects=projects,
    )


async def _renew(tx: Transaction, task_id: TaskId, instance: str, attempt: int | None) -> None:
    task = await tasks.lock(tx, task_id)
    holding.check_running_holder(task, instance=instance, attempt=attempt)
    await tasks.renew(tx, holding.renewed(task, lease=None, now=tx.now, steady=tx.steady))
