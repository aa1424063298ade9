"""How a new task gets into the queue, whoever made it."""

from __future__ import annotations

from athena.model import limits
from athena.model.errors import FieldError, Invalid
from athena.model.event import Actor, TaskSubmitted
from athena.model.lifecycle import Status
from athena.model.task import Task, TaskId
from athena.service import sessions, settling
from athena.service.drafts import Draft
from athena.store import dependencies
from athena.store.base import Transaction


async def insert(
    tx: Transaction,
    draft: Draft,
    *,
    max_attempts: int,
    by: Actor,
    offered_first_to: str | None = None,
) -> Task:
    """Store the task that the draft, which was checked, describes.

    `max_attempts`: where the draft does not say. `offered_first_to`: the instance that may have it
    before all others, for as long as one that parked it.

    Raises: Invalid, for dependencies that cannot be.
    """
    depends_on = as_stored(draft.depends_on)
    unmet = await check_dependencies(tx, None, depends_on)
    task = Task(
        id=TaskId(0),
        description=draft.description,
        status=Status.PENDING,
        priority=draft.priority,
        project=draft.project,
        target=draft.target,
        lane=draft.lane,
        created_at=tx.now,
        created_by=draft.created_by or by.name,
        created_via=draft.created_via,
        updated_at=tx.now,
        not_before=draft.not_before,
        depends_on=depends_on,
        blocked_by=tuple(unmet),
        max_attempts=draft.max_attempts or max_attempts,
        metadata=draft.metadata,
        continues=draft.continues,
        submitter=draft.submitter,
        unmet=len(unmet),
        dependencies=len(depends_on),
        affinity=offered_first_to,
    )
    submitted = TaskSubmitted(
        priority=task.priority.value,
        project=task.project,
        target=task.target,
        lane=task.lane,
        created_by=task.created_by,
        created_via=task.created_via,
    )
    stored = await settling.insert(tx, task, submitted, by)
    await sessions.note_submitted(tx, stored)
    await settling.tell_if_hopeless(tx, stored)
    return stored


def as_stored(depends_on: tuple[TaskId, ...]) -> tuple[TaskId, ...]:
    """Each dependency once, by id, as a reading gives them."""
    return tuple(sorted(set(depends_on)))


async def check_dependencies(
    tx: Transaction, before: Task | None, depends_on: tuple[TaskId, ...]
) -> list[TaskId]:
    """Those of the dependencies that are not completed; `before`: the task, if it is not new.

    Raises: Invalid, for one that does not exist, has too many dependents, or closes a cycle.
    """
    counted = before.depends_on if before else ()
    unmet = []
    for dependency in depends_on:
        row = await tx.fetch_one("get_task", {"id": dependency})
        if row is None:
            raise _bad_dependency("names a task that does not exist")
        if row["status"] != Status.COMPLETED.value:
            unmet.append(dependency)
        at_most = limits.DEPENDENTS_MAX
        if (
            dependency not in counted
            and await dependencies.count_dependents(tx, dependency, limit=at_most) >= at_most
        ):
            raise _bad_dependency(f"{at_most} tasks depend on #{dependency} already")
    if before and await dependencies.would_close_a_cycle(tx, before.id, depends_on):
        raise _bad_dependency("the task would wait for itself")
    return unmet


def _bad_dependency(message: str) -> Invalid:
    return Invalid(errors=[FieldError("depends_on", message)])
