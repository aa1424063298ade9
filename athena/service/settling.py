"""What follows from a change: the task's own readiness, its lane's head, those that wait for it.

Every use case that moves a task ends here, in its own transaction.
"""

from __future__ import annotations

from athena.model.event import SYSTEM, Actor, TaskBlocked, TaskEvent, TaskReady
from athena.model.lifecycle import Status
from athena.model.readiness import settled
from athena.model.task import Readiness, Task, TaskId, replace
from athena.model.text import epoch_milliseconds
from athena.service import sessions, withdrawing
from athena.store import dependencies, events, task_rows, tasks
from athena.store.base import Transaction


async def save(tx: Transaction, before: Task, after: Task, event: TaskEvent, by: Actor) -> Task:
    """Save a moved task with its event, and settle everything that this touches."""
    has_moved = before.status is not after.status
    # A claim reaches nobody but its own lane; an end, or the way back, reaches those that wait.
    has_dependents = (
        has_moved and not after.is_running and await dependencies.is_depended_on(tx, after.id)
    )
    waits = after.is_pending and after.dependencies > 0
    if after.lane is not None or waits or has_dependents:
        await tx.alone()
    if after.is_pending:
        after = await _settled_for_now(tx, after)
    after = await tasks.save(tx, before, after, event, by)
    await sessions.note(tx, before, after)
    if after.lane is not None:
        await settle_lane(tx, after.lane, told=after.id)
        after = await tasks.lock(tx, after.id)
    if has_dependents:
        await _tell_dependents(tx, before, after)
    if has_moved:
        await tell_if_hopeless(tx, after)
    if before.asker is not None and after.asker is None:
        await withdrawing.withdraw_all(tx, after, event)
    return after


async def insert(tx: Transaction, task: Task, event: TaskEvent, by: Actor) -> Task:
    """Store a new task with its event, as ready as its facts allow."""
    if task.lane is not None or task.depends_on:
        await tx.alone()
    if task.lane is None:
        return await tasks.insert(tx, settled(task, now=tx.now, lane_is_open=True), event, by)
    # A newcomer is last in its lane: held, unless the lane turns out to be free.
    held = settled(task, now=tx.now, lane_is_open=False)
    stored = await tasks.insert(tx, held, event, by)
    await settle_lane(tx, task.lane, told=stored.id)
    return await tasks.lock(tx, stored.id)


async def resettle(tx: Transaction, task: Task, *, changed: Task | None = None) -> None:
    """Bring a pending task up to date where only time, or another task, has changed.

    `changed`: what an event that was written already has made of it.
    """
    after = await _settled_for_now(tx, changed or task)
    if after != task:
        await _save_derived(tx, task, after)
    if after.lane is not None:
        await settle_lane(tx, after.lane)


async def settle_lane(tx: Transaction, lane: str, *, told: TaskId | None = None) -> None:
    """Make the lane's head ready, and hold the others.

    `told`: the task whose event in this transaction already says what became of it.
    """
    head = await _head_of(tx, lane)
    await tx.execute(
        "hold_lane",
        {"lane": lane, "head": head.id if head else 0, "now": epoch_milliseconds(tx.now)},
    )
    if head is None or head.readiness is not Readiness.HELD:
        return
    ready = settled(head, now=tx.now, lane_is_open=True)
    if head.id == told:
        await tasks.settle(tx, head, ready)
    else:
        await _save_derived(tx, head, ready)


async def _head_of(tx: Transaction, lane: str) -> Task | None:
    """The lane's first task in the order of submission; None while one is in progress.

    One that has been started is first even while it is blocked, scheduled or parked; one that has
    not lets those behind it pass.
    """
    if await tx.fetch_one("running_in_lane", {"lane": lane}) is not None:
        return None
    started = await tx.fetch_one("first_started_in_lane", {"lane": lane})
    first = await tx.fetch_one("first_open_in_lane", {"lane": lane})
    heads = [task_rows.from_row(row) for row in (started, first) if row is not None]
    return min(heads, key=lambda task: task.id, default=None)


async def _settled_for_now(tx: Transaction, task: Task) -> Task:
    """The pending task settled. In a lane it stays held until the lane itself is settled."""
    unmet = await dependencies.count_unmet(tx, task.id) if task.dependencies else 0
    lane_is_open = task.lane is None or task.readiness is Readiness.READY
    return settled(replace(task, unmet=unmet), now=tx.now, lane_is_open=lane_is_open)


async def _save_derived(tx: Transaction, before: Task, after: Task) -> None:
    """Store a readiness that no event of the task has told yet; becoming ready is told."""
    was_ready = before.readiness is Readiness.READY
    if after.readiness is Readiness.READY and not was_ready:
        await tasks.save(tx, before, replace(after, updated_at=tx.now), TaskReady(), SYSTEM)
    else:
        await tasks.settle(tx, before, after)


async def tell_if_hopeless(tx: Transaction, task: Task) -> None:
    """Tell at once of a task that waits for one which has failed or was cancelled already.

    One in progress does not wait: it is told of when it is given back.
    """
    if not task.is_pending or task.unmet == 0:
        return
    statuses = (await dependencies.of_tasks(tx, [task.id])).get(task.id, {})
    for dependency, status in statuses.items():
        if status in (Status.FAILED.value, Status.CANCELLED.value):
            blocked = TaskBlocked(dependency=dependency, status=status)
            await events.append(tx, blocked, SYSTEM, task_id=task.id)


async def _tell_dependents(tx: Transaction, before: Task, after: Task) -> None:
    """Have those that wait for the task counted anew, or told that it will not come."""
    if Status.COMPLETED in (before.status, after.status):
        for row in await dependencies.pending_dependents(tx, after.id):
            await resettle(tx, task_rows.from_row(row))
    elif after.status in (Status.FAILED, Status.CANCELLED):
        blocked = TaskBlocked(dependency=after.id, status=after.status.value)
        for row in await dependencies.pending_dependents(tx, after.id):
            task = task_rows.from_row(row)
            await tasks.save(tx, task, replace(task, updated_at=tx.now), blocked, SYSTEM)
