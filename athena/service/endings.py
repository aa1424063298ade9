"""How an attempt ends: done, failed for now or for good, or by its lease running out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from athena.model import holding, retry
from athena.model.event import (
    SYSTEM,
    Actor,
    TaskChanged,
    TaskClaimed,
    TaskCompleted,
    TaskExpired,
    TaskFailed,
    TaskWillRetry,
)
from athena.model.lifecycle import Action, Status
from athena.model.task import Task, TaskId, cost_usd_of
from athena.service import settling
from athena.store import events, tasks
from athena.store.base import Transaction


async def complete(
    tx: Transaction,
    task_id: TaskId,
    *,
    instance: str,
    attempt: int | None,
    notes: str | None,
    result: Mapping[str, object] | None,
    by: Actor,
) -> Task:
    """End the task as done, also late; doing it again changes nothing.

    Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
    """
    before = await tasks.lock(tx, task_id)
    if holding.is_done_by(before, instance=instance, attempt=attempt):
        return before
    late = holding.may_finish_late(before, instance=instance, attempt=attempt)
    if not late:
        holding.check_holder(before, instance=instance, attempt=attempt)
    elif before.claimed_at is None:
        # The lease took the time of the claim with it; the log still has it.
        claimed_at = await events.last_time_of(tx, task_id, TaskClaimed.type)
        before = replace(before, claimed_at=claimed_at)
    after = holding.completed(
        before,
        Action.COMPLETE_LATE if late else Action.COMPLETE,
        instance=instance,
        notes=notes,
        result=result,
        now=tx.now,
    )
    event = TaskCompleted(
        instance=instance,
        attempt=after.attempt,
        late=late or None,
        cost_usd=cost_usd_of(result),
    )
    return await settling.save(tx, before, after, event, by)


async def fail_for_good(
    tx: Transaction,
    before: Task,
    *,
    error: str,
    result: Mapping[str, object] | None,
    by: Actor,
) -> Task:
    """End the task as failed: no attempt is left, or none would help.

    Raises: InvalidTransition.
    """
    after = holding.failed(before, error=error, result=result, now=tx.now)
    event = TaskFailed(
        instance=before.claimed_by or "",
        attempt=after.attempt,
        failures=after.failures,
        error=error,
        reason="reported",
        cost_usd=cost_usd_of(result),
    )
    return await settling.save(tx, before, after, event, by)


async def fail_for_now(
    tx: Transaction,
    before: Task,
    *,
    error: str,
    result: Mapping[str, object] | None,
    by: Actor,
) -> Task:
    """End the attempt; the task waits for its next one, longer after each failure.

    Raises: InvalidTransition.
    """
    not_before = tx.now + retry.delay_after(before.failures + 1)
    after = holding.failed_for_now(
        before, error=error, result=result, not_before=not_before, now=tx.now
    )
    event = TaskWillRetry(
        instance=before.claimed_by or "",
        attempt=after.attempt,
        failures=after.failures,
        error=error,
        not_before=not_before,
    )
    return await settling.save(tx, before, after, event, by)


async def fail_late(
    tx: Transaction,
    before: Task,
    *,
    error: str,
    result: Mapping[str, object] | None,
    by: Actor,
) -> Task:
    """Keep reason and cost of a failure that was counted when the lease ran out; no second one."""
    after = holding.failed_late(before, error=error, result=result, now=tx.now)
    return await settling.save(tx, before, after, TaskChanged(fields=("error",)), by)


async def expire(tx: Transaction, task: Task) -> Task:
    """Take the task from a holder whose lease ran out.

    The caller has read it in this transaction, and its lease with it: nothing renewed it since.
    """
    after = holding.expired(task, now=tx.now)
    holder = task.claimed_by or ""
    if after.status is Status.FAILED:
        failed = TaskFailed(
            instance=holder,
            attempt=after.attempt,
            failures=after.failures,
            error=after.error,
            reason="expired",
        )
        return await settling.save(tx, task, after, failed, SYSTEM)
    expired = TaskExpired(instance=holder, attempt=after.attempt, failures=after.failures)
    return await settling.save(tx, task, after, expired, SYSTEM)
