"""Whether a pending task is ready, and until when: one pure function of the stored facts.

It runs again at every trigger (a dependency ends, a lane settles, a time comes, a person changes
something), and its answer is stored, so that a claim only looks up what is ready.
Source: specification, section 3. Where several things hold a task, the first counts of: parked,
blocked, scheduled, held.
"""

from __future__ import annotations

from datetime import datetime

from athena.model import limits
from athena.model.task import Readiness, Task, replace


def readiness_of(task: Task, *, now: datetime, lane_is_open: bool) -> Readiness:
    """The first thing that holds the task back, or `ready`."""
    if task.parked_question is not None or _parked_until(task, now) is not None:
        return Readiness.PARKED
    if task.unmet > 0:
        return Readiness.BLOCKED
    if task.not_before is not None and task.not_before > now:
        return Readiness.SCHEDULED
    return Readiness.READY if lane_is_open else Readiness.HELD


def settled(task: Task, *, now: datetime, lane_is_open: bool) -> Task:
    """The pending task with its readiness and all that follows from it brought up to date."""
    readiness = readiness_of(task, now=now, lane_is_open=lane_is_open)
    affinity, affinity_until = _affinity(task, readiness, now)
    return replace(
        task,
        readiness=readiness,
        parked_until=_parked_until(task, now),
        affinity=affinity,
        affinity_until=affinity_until,
        offered_to=affinity or task.target,
        due_at=_due_at(task, readiness, affinity_until, now),
    )


def _parked_until(task: Task, now: datetime) -> datetime | None:
    """The time that the task is parked until, if it is still to come."""
    until = task.parked_until
    return until if until is not None and until > now else None


def _affinity(
    task: Task, readiness: Readiness, now: datetime
) -> tuple[str | None, datetime | None]:
    """Whom the task is reserved for, and until when; the time runs from when it becomes ready."""
    if task.affinity is None:
        return None, None
    if task.affinity_until is None:
        ready = readiness is Readiness.READY
        return task.affinity, now + limits.AFFINITY if ready else None
    if task.affinity_until <= now:
        return None, None
    return task.affinity, task.affinity_until


def _due_at(
    task: Task, readiness: Readiness, affinity_until: datetime | None, now: datetime
) -> datetime | None:
    """When time alone changes the readiness or the offer, whichever comes first."""
    match readiness:
        case Readiness.PARKED:
            due = _parked_until(task, now)
        case Readiness.SCHEDULED:
            due = task.not_before
        case _:
            due = None
    if due is None or affinity_until is None:
        return due or affinity_until
    return min(due, affinity_until)
