"""Tasks, as people and programs submit, find, change and end them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from pydantic import Field

from athena.api.call import Call
from athena.api.endpoint import Header, endpoint
from athena.api.fields import (
    Body,
    Cursor,
    Description,
    FreeObject,
    Ids,
    Label,
    MaxAttempts,
    PriorityWord,
    Query,
    QueryEnded,
    QueryLimit,
    QueryStatuses,
    QueryText,
    QueryTime,
    QueryWait,
    Slug,
    Time,
)
from athena.api.wire.events import TaskEvents, event_json
from athena.api.wire.tasks import (
    ResultJson,
    TaskJson,
    TaskPage,
    WhyJson,
    result_json,
    task_json,
    task_page,
    why_json,
)
from athena.model import limits
from athena.model.errors import (
    HasDependents,
    IdempotencyKeyReused,
    InvalidTransition,
)
from athena.model.key import Scope
from athena.model.lifecycle import ENDED, Status
from athena.model.page import TaskFilter
from athena.model.task import Priority, TaskId
from athena.service.drafts import Changes, Draft

IDEMPOTENT: Final = Header(
    name="Idempotency-Key",
    summary="A name for this request: a repeat within 24 hours gets the first answer again.",
    example="7f9c2ba4-e88f-4b1c-a7d3-0f6a3d5c1e11",
)


class TaskQuery(Query):
    """Which tasks: all that are given must fit; without `status` the pending ones."""

    status: QueryStatuses | None = None
    project: Slug | None = None
    target: Slug | None = None
    claimed_by: Slug | None = None
    created_by: Label | None = None
    priority: PriorityWord | None = None
    q: QueryText | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT
    cursor: Cursor | None = None


@endpoint("GET", "/api/tasks", scope=Scope.READ)
async def list_tasks(call: Call, query: TaskQuery) -> TaskPage:
    """List tasks.

    Pending ones in the order in which they are claimed (priority, then id), running ones by claim,
    ended ones newest first. `next_cursor` asks for the following page; it is null at the end.
    """
    wanted = TaskFilter(
        statuses=frozenset(query.status or [Status.PENDING]),
        project=query.project,
        target=query.target,
        claimed_by=query.claimed_by,
        created_by=query.created_by,
        priority=query.priority,
        text=query.q or None,
    )
    return task_page(await call.services.tasks.list(wanted, limit=query.limit, cursor=query.cursor))


class TaskBody(Body):
    """A task as its submitter says it."""

    description: Description
    priority: PriorityWord | None = None
    project: Slug | None = None
    target: Slug | None = None
    lane: Slug | None = None
    not_before: Time | None = None
    depends_on: Ids | None = None
    max_attempts: MaxAttempts | None = None
    metadata: FreeObject | None = None
    continues: Label | None = None
    created_by: Label | None = None


@endpoint(
    "POST",
    "/api/tasks",
    scope=Scope.SUBMIT,
    status=201,
    location="/api/tasks/{id}",
    errors=(IdempotencyKeyReused,),
    headers=(IDEMPOTENT,),
)
async def submit_task(call: Call, body: TaskBody) -> TaskJson:
    """Submit a task."""
    draft = Draft(
        description=body.description,
        priority=body.priority or Priority.MEDIUM,
        project=body.project,
        target=body.target,
        lane=body.lane,
        not_before=body.not_before,
        depends_on=tuple(TaskId(number) for number in body.depends_on or ()),
        max_attempts=body.max_attempts,
        metadata=body.metadata or {},
        continues=body.continues,
        created_by=body.created_by,
        submitter=f"key:{call.key.id}",
    )
    return task_json(await call.services.tasks.submit(draft, by=call.actor, once=call.once()))


class PurgeQuery(Query):
    """Which ended tasks: of these statuses (all three if left out), ended before the time."""

    status: QueryEnded | None = None
    before: QueryTime


@endpoint("DELETE", "/api/tasks", scope=Scope.ADMIN)
async def purge_tasks(call: Call, query: PurgeQuery) -> None:
    """Remove ended tasks; the header `X-Deleted-Count` says how many.

    A task that others depend on goes with the last of them. Events outlive their task.
    """
    statuses = ENDED if query.status is None else frozenset(query.status)
    count = await call.services.tasks.purge(statuses=statuses, before=query.before, by=call.actor)
    call.headers = (("X-Deleted-Count", str(count)),)


@endpoint("GET", "/api/tasks/{id}", scope=Scope.READ)
async def get_task(call: Call, task_id: TaskId) -> TaskJson:
    """Show a task."""
    return task_json(await call.services.tasks.get(task_id))


class TaskPatch(Body):
    """What is to be different; what is left out stays, null clears what may be empty."""

    # Only what was given is looked at; a factory keeps its value out of the schema.
    description: Description = Field(default_factory=str)
    priority: PriorityWord = Field(default_factory=lambda: Priority.MEDIUM)
    target: Slug | None = None
    project: Slug | None = None
    not_before: Time | None = None
    depends_on: Ids = Field(default_factory=list)
    max_attempts: MaxAttempts = Field(default_factory=int)
    metadata: FreeObject = Field(default_factory=dict)


@endpoint("PATCH", "/api/tasks/{id}", scope=Scope.SUBMIT, errors=(InvalidTransition,))
async def change_task(call: Call, task_id: TaskId, body: TaskPatch) -> TaskJson:
    """Change a task that has not ended."""
    given: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    if "depends_on" in given:
        given["depends_on"] = tuple(given["depends_on"])
    return task_json(await call.services.tasks.change(task_id, Changes(**given), by=call.actor))


@endpoint(
    "DELETE",
    "/api/tasks/{id}",
    scope=Scope.ADMIN,
    status=204,
    errors=(InvalidTransition, HasDependents),
)
async def delete_task(call: Call, task_id: TaskId) -> None:
    """Remove a task that is not in progress. Its events stay."""
    await call.services.tasks.delete(task_id, by=call.actor)


@endpoint("POST", "/api/tasks/{id}/cancel", scope=Scope.SUBMIT, errors=(InvalidTransition,))
async def cancel_task(call: Call, task_id: TaskId) -> TaskJson:
    """Cancel a task, at once.

    If it is in progress, its holder learns at its next call (409, `task_cancelled`) or over the
    event stream.
    """
    return task_json(await call.services.tasks.cancel(task_id, by=call.actor))


@endpoint("POST", "/api/tasks/{id}/retry", scope=Scope.SUBMIT, errors=(InvalidTransition,))
async def retry_task(call: Call, task_id: TaskId) -> TaskJson:
    """Put an ended task back into the queue, its failures forgotten."""
    return task_json(await call.services.tasks.retry(task_id, by=call.actor))


@endpoint("GET", "/api/tasks/{id}/why", scope=Scope.READ)
async def explain_task(call: Call, task_id: TaskId) -> WhyJson:
    """Tell why a task is not running: its place in the queue, and each reason that holds it."""
    return why_json(await call.services.tasks.why(task_id))


class ResultQuery(Query):
    """How long to wait for the end."""

    wait: QueryWait = 0.0


@endpoint("GET", "/api/tasks/{id}/result", scope=Scope.READ)
async def get_result(call: Call, task_id: TaskId, query: ResultQuery) -> ResultJson | None:
    """Give the result of a task, waiting for it if asked to.

    204 if it has not ended. That of a task which ended without one is made from its status.
    """
    outcome = await call.services.tasks.wait_for_result(
        task_id, wait=timedelta(seconds=query.wait), is_gone=call.is_gone
    )
    return None if outcome is None else result_json(outcome)


class EventQuery(Query):
    """Which part of the history."""

    limit: QueryLimit = limits.PAGE_DEFAULT
    cursor: Cursor | None = None


@endpoint("GET", "/api/tasks/{id}/events", scope=Scope.READ)
async def list_task_events(call: Call, task_id: TaskId, query: EventQuery) -> TaskEvents:
    """Show the history of a task, oldest first; also that of a removed one."""
    page = await call.services.tasks.events(task_id, limit=query.limit, cursor=query.cursor)
    return {"events": [event_json(e) for e in page.items], "next_cursor": page.next_cursor}
