"""Tasks and their rows. The only way to save a task takes its event with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import orjson

from athena.model.errors import TaskNotFound, Unavailable
from athena.model.event import Actor, QuestionEvent, TaskDeleted, TaskEvent
from athena.model.instance import Claimer
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Readiness, Task, TaskId, replace
from athena.model.text import epoch_milliseconds, milliseconds
from athena.store import dependencies, events
from athena.store.base import Offer, Reading, Transaction, Value
from athena.store.columns import span_column, time_column
from athena.store.task_rows import claimed_columns, ended_columns, from_row, to_row

_ENDS: Final = tuple(sorted(status.value for status in ENDED))


async def insert(tx: Transaction, task: Task, event: TaskEvent, by: Actor) -> Task:
    """Store a new task with its event; gives it with its id."""
    task_id = await tx.insert("insert_task", to_row(task))
    stored = replace(task, id=TaskId(task_id))
    await dependencies.insert(tx, stored.id, task.depends_on)
    await events.append(tx, event, by, task_id=stored.id)
    _announce(tx, None, stored)
    return stored


async def save(
    tx: Transaction, before: Task, after: Task, event: TaskEvent | QuestionEvent, by: Actor
) -> Task:
    """Store what a task has become, together with the event that says so.

    `before` was locked in this transaction; where it is no longer what is stored, the whole
    transaction is refused as `Unavailable`.
    """
    statement, columns_of = _way_to_save(before, after)
    values = columns_of(after)
    values["was_status"] = before.status.value
    values["was_attempt"] = before.attempt
    await tx.defer(statement, ("task", after.id), values)
    if after.description != before.description:
        await tx.execute("set_description", {"id": after.id, "description": after.description})
    _remember(tx, after)
    await events.append(tx, event, by, task_id=after.id)
    _announce(tx, before, after)
    return after


def _remember(tx: Transaction, task: Task) -> None:
    """Keep what was written for whoever asks next: mostly its holder, to complete it.

    Not where other tasks' changes reach it: the head of its lane, or what it depends on. Nor
    what has ended: hardly anybody asks again, and results are large.
    """
    if task.lane is None and not task.dependencies and not task.status.is_end:
        tx.memory.keep(task.id, task)
    else:
        tx.memory.drop(Task, task.id)


def _way_to_save(before: Task, after: Task) -> tuple[str, Callable[[Task], dict[str, Value]]]:
    """The narrowest statement that writes all that the move can change, and what it writes."""
    if before.asker is not None:
        return "save_task", to_row
    if after.is_running and before.is_pending:
        return "save_claimed", claimed_columns
    if after.status.is_end and not before.status.is_end:
        return "save_ended", ended_columns
    return "save_task", to_row


async def settle(tx: Transaction, before: Task, after: Task) -> None:
    """Store the readiness that follows from a change elsewhere, which had its own event."""
    await tx.defer("settle_task", ("task", after.id), to_row(after))
    _remember(tx, after)
    _announce(tx, before, after)


async def renew(tx: Transaction, task: Task) -> None:
    """Store a fresh lease. A renewal is no change of state: it writes no event."""
    await tx.defer(
        "renew_lease",
        ("task", task.id),
        {
            "id": task.id,
            "attempt": task.attempt,
            "instance": task.claimed_by,
            "lease_ms": span_column(task.lease),
            "lease_deadline": span_column(task.lease_deadline),
            "lease_expires_at": time_column(task.lease_expires_at),
        },
    )
    _remember(tx, task)


async def delete(tx: Transaction, task: Task, event: TaskDeleted, by: Actor) -> None:
    """Remove a task; its events stay."""
    values = {"id": task.id, "was_status": task.status.value, "was_attempt": task.attempt}
    tx.memory.drop(Task, task.id)
    if await tx.execute("delete_task", values) != 1:
        raise Unavailable(f"Task #{task.id} changed at the same moment; try again.")
    await events.append(tx, event, by, task_id=task.id)


def _announce(tx: Transaction, before: Task | None, after: Task) -> None:
    """Tell the pollers of a task that has become claimable, or claimable by others."""
    was_ready = before is not None and before.readiness is Readiness.READY
    if after.readiness is not Readiness.READY:
        return
    if not was_ready or before is None or _offer(before) != _offer(after):
        tx.committed.ready.append(_offer(after))


def _offer(task: Task) -> Offer:
    return Offer(task.id, task.offered_to, task.project)


async def find(reading: Reading, task_id: TaskId) -> Task | None:
    """The task with its dependencies, or None."""
    row = await reading.fetch_one("get_task", {"id": task_id})
    return None if row is None else await with_dependencies(reading, from_row(row))


async def get(reading: Reading, task_id: TaskId) -> Task:
    """The task with its dependencies.

    Raises: TaskNotFound.
    """
    task = await find(reading, task_id)
    if task is None:
        raise TaskNotFound(f"There is no task #{task_id}.")
    return task


async def lock(tx: Transaction, task_id: TaskId) -> Task:
    """The task, for changing it in this transaction.

    Raises: TaskNotFound.
    """
    task = await _lock_if_there(tx, task_id)
    if task is None:
        raise TaskNotFound(f"There is no task #{task_id}.")
    return task


async def _lock_if_there(tx: Transaction, task_id: TaskId) -> Task | None:
    kept = tx.memory.find(Task, task_id)
    if kept is not None:
        return kept
    row = await tx.fetch_one("lock_task", {"id": task_id})
    return None if row is None else await with_dependencies(tx, from_row(row))


async def keep_locked(tx: Transaction, ids: Collection[TaskId]) -> None:
    """Have those of the tasks in memory, locked, that nothing but their own changes can reach."""
    missing = sorted(i for i in set(ids) if tx.memory.find(Task, i) is None)
    if not missing:
        return
    for row in await tx.fetch_all("lock_tasks", {"ids": json.dumps(missing)}):
        _remember(tx, from_row(row))


async def with_dependencies(reading: Reading, task: Task) -> Task:
    """The task with `depends_on` and `blocked_by`."""
    if task.dependencies == 0:
        return task
    return (await with_all_dependencies(reading, [task]))[0]


async def with_all_dependencies(reading: Reading, tasks: Iterable[Task]) -> list[Task]:
    """The tasks with `depends_on` and `blocked_by`, by one statement for all of them."""
    tasks = list(tasks)
    ids = [task.id for task in tasks if task.dependencies]
    if not ids:
        return tasks
    found = await dependencies.of_tasks(reading, ids)
    return [
        replace(
            task,
            depends_on=tuple(found[task.id]),
            blocked_by=tuple(d for d, status in found[task.id].items() if status != "completed"),
        )
        if task.id in found
        else task
        for task in tasks
    ]


async def claim_candidate(
    reading: Reading, claimer: Claimer, *, without: frozenset[str]
) -> Task | None:
    """The task that the claimer would get: the best priority, then the lowest id.

    `without`: projects that are paused.
    """
    offers = _json_list(claimer.offers)
    if claimer.projects is None and not without:
        row = await reading.fetch_one("claim_candidate", {"offers": offers})
    else:
        projects = await _projects_to_look_at(reading, claimer, offers, without)
        row = await reading.fetch_one(
            "claim_candidate_of_projects",
            {"offers": offers, "projects": _json_list(projects)},
        )
    return None if row is None else await with_dependencies(reading, from_row(row))


async def take_candidate(
    tx: Transaction, claimer: Claimer, *, without: frozenset[str]
) -> Task | None:
    """As `claim_candidate`, and the task is locked for being claimed."""
    line = tx.chosen.get(claimer)
    if line is not None and not without:
        is_all_taken = not tx.has_company and not any(tx.chosen.values())
        if is_all_taken and not tx.committed.ready:
            # Looked for already, for the whole group at once: nothing is left for somebody who
            # then did not take it, and nothing was freed since.
            return None
        # One of the group may have removed it.
        task = await _lock_if_there(tx, line.popleft()) if line else None
        if task is not None and _is_claimable(task, claimer):
            return task
    task = await claim_candidate(tx, claimer, without=without)
    if task is None or not tx.has_company:
        return task
    row = await tx.fetch_one("lock_task_if_free", {"id": task.id})
    free = None if row is None else await with_dependencies(tx, from_row(row))
    if free is None or not _is_claimable(free, claimer):
        # Somebody else is claiming it just now. Waiting for the outcome with locks of our own would
        # be a deadlock sooner or later: whoever is alone holds none, and sees what came of it.
        await tx.alone()
    return free


def _is_claimable(task: Task, claimer: Claimer) -> bool:
    return task.readiness is Readiness.READY and claimer.fits(task)


def _json_list(texts: Sequence[str]) -> str:
    return orjson.dumps(texts).decode()


async def _projects_to_look_at(
    reading: Reading, claimer: Claimer, offers: str, without: frozenset[str]
) -> Sequence[str]:
    if claimer.projects is not None:
        return [project for project in claimer.projects if project not in without]
    rows = await reading.fetch_all("ready_projects", {"offers": offers})
    return [row["project"] for row in rows if row["project"] not in without]


async def due(reading: Reading, *, limit: int) -> list[Task]:
    """Pending tasks whose readiness or offer is changed by the time that it is."""
    values = {"now": epoch_milliseconds(reading.now), "limit": limit}
    return [from_row(row) for row in await reading.fetch_all("due_tasks", values)]


async def with_expired_lease(reading: Reading, *, steady: timedelta, limit: int) -> list[Task]:
    """Tasks in progress whose lease has run out, the longest first."""
    values = {"steady": milliseconds(steady), "limit": limit}
    return [from_row(row) for row in await reading.fetch_all("expired_tasks", values)]


async def held_by(reading: Reading, instance: str) -> list[Task]:
    """The tasks that the instance holds, by id."""
    rows = await reading.fetch_all("held_tasks", {"instance": instance})
    return [from_row(row) for row in rows]


async def all_held(reading: Reading) -> dict[str, list[TaskId]]:
    """The ids of all tasks in progress, by their holders."""
    held: dict[str, list[TaskId]] = {}
    for row in await reading.fetch_all("all_held"):
        held.setdefault(row["claimed_by"], []).append(TaskId(row["id"]))
    return held


async def place_in_queue(reading: Reading, task: Task) -> int:
    """The task's place among all pending ones, from 1."""
    row = await reading.fetch_one("place_in_queue", {"priority": task.priority.rank, "id": task.id})
    return int((row or {"position": 0})["position"])


async def ended_before(
    reading: Reading, before: datetime, *, statuses: Iterable[Status], limit: int
) -> list[Task]:
    """Ended tasks that nothing depends on, the oldest end first."""
    values: dict[str, Value] = {"before": epoch_milliseconds(before), "limit": limit}
    values |= end_values(statuses)
    return [from_row(row) for row in await reading.fetch_all("ended_before", values)]


def end_values(statuses: Iterable[Status]) -> dict[str, Value]:
    """The wanted ends as the three parameters that the statements take."""
    wanted = {status.value for status in statuses}
    return {f"end_{number}": end if end in wanted else None for number, end in enumerate(_ENDS, 1)}
