"""Whether a certain task may be claimed, and the first thing that stands in the way."""

from __future__ import annotations

from collections.abc import Mapping

from athena.model import errors
from athena.model.instance import Claimer
from athena.model.lifecycle import Status
from athena.model.task import Readiness, Task
from athena.store import instances
from athena.store.base import Transaction

_CLOSED_GATES: Mapping[Readiness | None, type[errors.Conflict]] = {
    Readiness.PARKED: errors.TaskIsParked,
    Readiness.BLOCKED: errors.TaskBlocked,
    Readiness.SCHEDULED: errors.TaskScheduled,
    Readiness.HELD: errors.LaneBusy,
}


async def check_gates(tx: Transaction, task: Task, claimer: Claimer) -> None:
    """Refuse a task that cannot be claimed by id, naming the first thing that holds it.

    Raises: TaskWasCancelled, InvalidTransition, QueueIsPaused, TaskIsParked, TaskBlocked,
        TaskScheduled, LaneBusy, WrongTarget.
    """
    if task.status is Status.CANCELLED and task.claimed_by == claimer.instance:
        raise errors.TaskWasCancelled(f"Task #{task.id} was cancelled.")
    if task.status.is_end:
        raise errors.InvalidTransition(f"Task #{task.id} is {task.status.value}.")
    pauses = await instances.pauses(tx)
    if pauses.keep_from(claimer.instance, task):
        raise errors.QueueIsPaused
    gate = _CLOSED_GATES.get(task.readiness)
    if gate is not None:
        raise gate
    if task.affinity not in (None, claimer.instance):
        raise errors.TaskIsParked(f"Task #{task.id} is kept for the instance that parked it.")
    if not claimer.fits(task):
        raise errors.WrongTarget(f"Task #{task.id} is meant for {task.offered_to}.")
