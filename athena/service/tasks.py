"""What people do with tasks: submit, look, change, cancel, try again, remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from athena.model import holding, limits
from athena.model.errors import HasDependents, TaskNotFound
from athena.model.event import (
    Actor,
    Event,
    TaskCancelled,
    TaskChanged,
    TaskDeleted,
    TaskRetried,
)
from athena.model.instance import Asker
from athena.model.lifecycle import Action, Status, move_for
from athena.model.outcome import Outcome, outcome_of
from athena.model.page import Page, TaskFilter, event_position_of
from athena.model.reason import Why
from athena.model.task import Task, TaskId, replace
from athena.service import reasons, settling, submitting, withdrawing
from athena.service.asking import candidate_for
from athena.service.drafts import KEEP, Changes, Draft, check_fields
from athena.service.feed import Feed
from athena.service.once import Once, answer_once
from athena.store import dependencies, events, instances, lists, tasks, transcript
from athena.store.base import Reading, Store, Transaction


class Tasks:
    """Use cases of people and of whatever acts for them."""

    def __init__(self, store: Store, feed: Feed, *, max_attempts: int) -> None:
        self._store = store
        self._feed = feed
        self._max_attempts = max_attempts

    async def submit(self, draft: Draft, *, by: Actor, once: Once | None = None) -> Task:
        """Queue a task. With `once`, a repeat gives the first answer and no second task.

        Raises: Invalid; IdempotencyKeyReused.
        """
        check_fields({name: getattr(draft, name) for name in draft.__slots__})

        async def act(tx: Transaction) -> Task | None:
            return await answer_once(
                tx,
                once,
                lambda: submitting.insert(tx, draft, max_attempts=self._max_attempts, by=by),
            )

        return cast("Task", await self._store.run(act, beside=True))

    async def get(self, task_id: TaskId) -> Task:
        """The task.

        Raises: TaskNotFound.
        """
        return await self._store.read(lambda reading: tasks.get(reading, task_id))

    async def find(self, task_id: TaskId) -> Task | None:
        """The task, or None."""
        return await self._store.read(lambda reading: tasks.find(reading, task_id))

    async def list(
        self, wanted: TaskFilter, *, limit: int = limits.PAGE_DEFAULT, cursor: str | None = None
    ) -> Page[Task]:
        """A page of tasks: pending in claim order, running by claim, ended newest first.

        Raises: Invalid, for a foreign cursor.
        """
        return await self._store.read(
            lambda reading: lists.list_tasks(reading, wanted, limit=limit, cursor=cursor)
        )

    async def next(self, asker: Asker) -> Task | None:
        """The task that the asker would get; claims nothing."""

        async def look(reading: Reading) -> Task | None:
            known = await instances.find(reading, asker.instance)
            return await candidate_for(reading, asker.claimer(known))

        return await self._store.read(look)

    async def change(self, task_id: TaskId, changes: Changes, *, by: Actor) -> Task:
        """Change a task that has not ended.

        Raises: TaskNotFound; InvalidTransition; Invalid (also for a cycle of dependencies).
        """
        wanted = changes.wanted()
        check_fields(wanted)
        if changes.depends_on is not KEEP:
            wanted["depends_on"] = submitting.as_stored(changes.depends_on)

        async def act(tx: Transaction) -> Task:
            before = await tasks.lock(tx, task_id)
            move_for(before.status, Action.CHANGE)
            news = {name: v for name, v in wanted.items() if getattr(before, name) != v}
            if not news:
                return before
            after = replace(before, **cast("dict[str, Any]", news), updated_at=tx.now)
            if "depends_on" in news:
                after = await _with_new_dependencies(tx, before, after)
            event = TaskChanged(
                fields=tuple(news),
                priority=after.priority.value if "priority" in news else None,
            )
            saved = await settling.save(tx, before, _as_retargeted(before, after), event, by)
            if "depends_on" in news:
                await settling.tell_if_hopeless(tx, saved)
            return await tasks.with_dependencies(tx, saved)

        return await self._store.run(act)

    async def cancel(
        self, task_id: TaskId, *, by: Actor, instance: str | None = None, attempt: int | None = None
    ) -> Task:
        """Cancel a task at once; its holder learns at its next call.

        With `instance` only where that one holds it, for a holder that gives up.

        Raises: TaskNotFound; InvalidTransition; with `instance` also TaskWasCancelled, NotHolder.
        """

        async def act(tx: Transaction) -> Task:
            before = await tasks.lock(tx, task_id)
            if instance is not None:
                holding.check_holder(before, instance=instance, attempt=attempt)
            after = holding.cancelled(before, now=tx.now)
            holder = before.claimed_by if before.is_running else None
            event = TaskCancelled(instance=holder, attempt=before.attempt)
            return await settling.save(tx, before, after, event, by)

        return await self._store.run(act, beside=True)

    async def retry(self, task_id: TaskId, *, by: Actor) -> Task:
        """Put an ended task back into the queue.

        Raises: TaskNotFound; InvalidTransition.
        """

        async def act(tx: Transaction) -> Task:
            before = await tasks.lock(tx, task_id)
            after = holding.retried(before, now=tx.now)
            return await settling.save(tx, before, after, TaskRetried(was=before.status.value), by)

        return await self._store.run(act, beside=True)

    async def delete(self, task_id: TaskId, *, by: Actor) -> None:
        """Remove a task that is not in progress; its events stay.

        Raises: TaskNotFound; InvalidTransition; HasDependents.
        """

        async def act(tx: Transaction) -> None:
            task = await tasks.lock(tx, task_id)
            move_for(task.status, Action.DELETE)
            if await dependencies.count_dependents(tx, task.id, limit=1):
                raise HasDependents(f"Other tasks depend on task #{task.id}: remove them first.")
            deleted = TaskDeleted(reason="requested")
            if task.asker is not None:
                await withdrawing.withdraw_all(tx, task, deleted)
            await tasks.delete(tx, task, deleted, by)
            if task.lane is not None and task.is_pending:
                await settling.settle_lane(tx, task.lane)

        await self._store.run(act)

    async def purge(self, *, statuses: frozenset[Status], before: datetime, by: Actor) -> int:
        """Remove the ended tasks of these statuses that ended before a time; gives their number.

        In small transactions, so that nothing else waits. A task that others depend on goes
        with the last of them.
        """
        return await purge(self._store, statuses=statuses, before=before, by=by, reason="purged")

    async def why(self, task_id: TaskId) -> Why:
        """Every reason that a pending task is not running, and its place in the queue.

        Raises: TaskNotFound.
        """
        return await self._store.read(lambda reading: reasons.why(reading, task_id))

    async def result(self, task_id: TaskId) -> Outcome | None:
        """How the task ended; None while it has not.

        Raises: TaskNotFound.
        """
        return outcome_of(await self.get(task_id))

    async def wait_for_result(
        self, task_id: TaskId, *, wait: timedelta, is_gone: Callable[[], bool]
    ) -> Outcome | None:
        """As `result`, waiting for the end; gives up early when nobody listens any more.

        Raises: TaskNotFound.
        """
        with self._feed.watch(task_id, wait=wait, is_gone=is_gone) as watch:
            outcome = await self.result(task_id)
            while outcome is None and await watch.changed():
                outcome = await self.result(task_id)
        return outcome

    async def events(
        self, task_id: TaskId, *, limit: int = limits.PAGE_DEFAULT, cursor: str | None = None
    ) -> Page[Event]:
        """The task's history, oldest first; that of a removed task is still there.

        Raises: TaskNotFound, where there never was such a task; Invalid, for a foreign cursor.
        """
        position = event_position_of(cursor)

        async def look(reading: Reading) -> Page[Event]:
            found = await events.of_task(reading, task_id, position=position, limit=limit + 1)
            if not found and position == 0 and await tasks.find(reading, task_id) is None:
                raise TaskNotFound(f"There is no task #{task_id}.")
            more = len(found) > limit
            page = tuple(found[:limit])
            return Page(page, str(page[-1].id) if more else None)

        return await self._store.read(look)


async def purge(
    store: Store,
    *,
    statuses: frozenset[Status],
    before: datetime,
    by: Actor,
    reason: str,
) -> int:
    """Remove ended tasks in batches until none is left that may go; gives their number."""
    removed = 0

    async def act(tx: Transaction) -> int:
        old = await tasks.ended_before(tx, before, statuses=statuses, limit=limits.PURGE_BATCH)
        batch = await _that_go_at_once(tx, old)
        for task in batch:
            await tasks.delete(tx, task, TaskDeleted(reason=reason), by)
        return len(batch)

    while batch := await store.run(act):
        removed += batch
    return removed


async def _that_go_at_once(tx: Transaction, batch: Sequence[Task]) -> Sequence[Task]:
    """As many of the first tasks as have not too many lines to go with them, one at least."""
    if not batch:
        return batch
    extents = await transcript.extents(tx, [task.id for task in batch])
    lines = 0
    for place, task in enumerate(batch):
        lines += extents[task.id].lines if task.id in extents else 0
        if place and lines > limits.PURGE_LINES:
            return batch[:place]
    return batch


async def _with_new_dependencies(tx: Transaction, before: Task, after: Task) -> Task:
    unmet = await submitting.check_dependencies(tx, before, after.depends_on)
    await dependencies.replace_all(tx, after.id, after.depends_on)
    return replace(
        after,
        blocked_by=tuple(unmet),
        unmet=len(unmet),
        dependencies=len(after.depends_on),
    )


def _as_retargeted(before: Task, after: Task) -> Task:
    """A person who names another target ends the claim that the last holder has on it."""
    if before.target == after.target:
        return after
    return replace(after, affinity=None, affinity_until=None)
