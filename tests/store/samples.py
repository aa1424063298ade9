"""Tasks as the store gets them, for tests that are about the store alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from athena.model import holding
from athena.model.event import Actor, ActorKind, TaskChanged, TaskClaimed, TaskSubmitted
from athena.model.lifecycle import Action, Status
from athena.model.readiness import settled
from athena.model.task import Priority, Task, TaskId
from athena.store import tasks
from athena.store.base import Store, Transaction
from tests.store.clock import START

ALICE = Actor(ActorKind.KEY, "alice")
LEASE = timedelta(hours=2)


def a_task(**said: Any) -> Task:
    """A new pending task, ready as far as its facts allow."""
    facts: dict[str, Any] = {
        "id": TaskId(0),
        "description": "Deploy new service",
        "status": Status.PENDING,
        "priority": Priority.MEDIUM,
        "project": None,
        "target": None,
        "lane": None,
        "created_at": START,
        "created_by": "alice",
        "created_via": "api",
        "updated_at": START,
        "not_before": None,
    }
    return settled(Task(**{**facts, **said}), now=START, lane_is_open=True)


SUBMITTED = TaskSubmitted(
    priority="medium",
    project=None,
    target=None,
    lane=None,
    created_by="alice",
    created_via="api",
)
CHANGED = TaskChanged(fields=("notes",))


async def insert(store: Store, **said: Any) -> Task:
    """Store a new task."""
    return await store.run(lambda tx: tasks.insert(tx, a_task(**said), SUBMITTED, ALICE))


async def claim(tx: Transaction, task: Task, instance: str = "pi") -> Task:
    """Store the task as held, whatever the queue would say."""
    held = holding.claimed(task, instance=instance, lease=LEASE, now=tx.now, steady=tx.steady)
    event = TaskClaimed(
        instance=instance, attempt=held.attempt, lease_expires_at=held.lease_expires_at or tx.now
    )
    return await tasks.save(tx, task, held, event, ALICE)


async def save_notes(tx: Transaction, task: Task, notes: str) -> Task:
    """Store the task with other notes."""
    return await tasks.save(tx, task, replace(task, notes=notes), CHANGED, ALICE)


async def end(store: Store, task: Task, status: Status) -> Task:
    """The task as ended in this way, whatever the queue would say."""

    async def act(tx: Transaction) -> Task:
        held = await claim(tx, task)
        match status:
            case Status.COMPLETED:
                after = holding.completed(
                    held, Action.COMPLETE, instance="pi", notes=None, result=None, now=tx.now
                )
            case Status.FAILED:
                after = holding.failed(held, error="no use", result=None, now=tx.now)
            case _:
                after = holding.cancelled(held, now=tx.now)
        return await tasks.save(tx, held, after, CHANGED, ALICE)

    return await store.run(act)
