"""What instances do with tasks: claim, report, give back, end."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import (
    Attempt,
    Body,
    Flag,
    FreeObject,
    Id,
    Label,
    Labels,
    Lease,
    Message,
    Notes,
    Percent,
    Projects,
    Query,
    QueryLabels,
    QueryProjects,
    Slug,
    StatusWord,
    Time,
    Wait,
)
from athena.api.routes.tasks import IDEMPOTENT
from athena.api.wire.tasks import TaskJson, task_json
from athena.model.errors import (
    AlreadyClaimed,
    FieldError,
    IdempotencyKeyReused,
    Invalid,
    InvalidTransition,
    LaneBusy,
    NotHolder,
    QueueIsPaused,
    TaskBlocked,
    TaskIsParked,
    TaskNotFound,
    TaskScheduled,
    TaskWasCancelled,
    WrongTarget,
)
from athena.model.instance import Asker
from athena.model.key import Scope
from athena.model.lifecycle import Status
from athena.model.question import QuestionId
from athena.model.task import Phase, Progress, Task, TaskId
from athena.service.claims import Finish

_NO_WAIT = timedelta()
_HOLDERS_ERRORS = (TaskWasCancelled, NotHolder, InvalidTransition)


def _flagged(result: FreeObject) -> FreeObject:
    if type(result.get("success", False)) is not bool:
        raise ValueError("success must be true or false")
    return result


def _successful(result: FreeObject) -> FreeObject:
    if result.get("success", True) is not True:
        raise ValueError("success must be true in the result of a completed task")
    return result


Result = Annotated[FreeObject, AfterValidator(_flagged)]
SuccessfulResult = Annotated[FreeObject, AfterValidator(_successful)]


class FinishBody(Body):
    """The task in hand, to be completed first."""

    id: Id
    attempt: Attempt
    notes: Notes | None = None
    result: SuccessfulResult | None = None


class ClaimNextBody(Body):
    """Who asks, what it can take, and how long it will wait.

    Labels and projects that are left out are those of the last heartbeat.
    """

    instance: Slug
    labels: Labels | None = None
    projects: Projects | None = None
    lease_seconds: Lease | None = None
    wait: Wait = 0.0
    finish: FinishBody | None = None


@endpoint(
    "POST",
    "/api/claim",
    scope=Scope.WORK,
    errors=(TaskNotFound, *_HOLDERS_ERRORS, IdempotencyKeyReused),
    headers=(IDEMPOTENT,),
)
async def claim_next_task(call: Call, body: ClaimNextBody) -> TaskJson | None:
    """Claim the next task, waiting for one if asked to.

    204 if none came. `finish` completes the task in hand in the same transaction, so that a busy
    worker needs one request a task; where it is refused, nothing is claimed. With `wait` it is
    carried out at once, before any waiting. A client that leaves before its answer holds nothing.
    """
    services, once = call.services, call.once()
    task = await services.polls.claim(
        Asker(
            instance=body.instance,
            labels=None if body.labels is None else tuple(body.labels),
            projects=None if body.projects is None else tuple(body.projects),
        ),
        lease=_lease(body.lease_seconds),
        wait=timedelta(seconds=body.wait) if body.wait else _NO_WAIT,
        finish=_finish(body.finish),
        once=once,
        by=call.actor,
        is_gone=call.is_gone,
    )
    if task is None:
        return None
    call.undo = lambda: services.claims.undo(task, once=once)
    return task_json(task)


def _lease(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _finish(body: FinishBody | None) -> Finish | None:
    if body is None:
        return None
    return Finish(
        task_id=TaskId(body.id), attempt=body.attempt, notes=body.notes, result=body.result
    )


class NextQuery(Query):
    """Who asks, and what it can take."""

    instance: Slug
    labels: QueryLabels | None = None
    projects: QueryProjects | None = None


@endpoint("GET", "/api/tasks/next", scope=Scope.READ)
async def show_next_task(call: Call, query: NextQuery) -> TaskJson | None:
    """Show the task that an instance would get, without claiming it. 204 if there is none."""
    asker = Asker(
        instance=query.instance,
        labels=None if query.labels is None else tuple(query.labels),
        projects=None if query.projects is None else tuple(query.projects),
    )
    task = await call.services.tasks.next(asker)
    return None if task is None else task_json(task)


class ClaimBody(Body):
    """Who claims, and for how long."""

    instance: Slug
    lease_seconds: Lease | None = None


@endpoint(
    "POST",
    "/api/tasks/{id}/claim",
    scope=Scope.WORK,
    errors=(
        AlreadyClaimed,
        TaskBlocked,
        LaneBusy,
        WrongTarget,
        InvalidTransition,
        TaskScheduled,
        TaskIsParked,
        QueueIsPaused,
    ),
)
async def claim_task(call: Call, task_id: TaskId, body: ClaimBody) -> TaskJson:
    """Claim a certain task.

    Claiming what one already holds renews the lease. The answer's `attempt` is the number to send
    with all that follows.
    """
    claims = call.services.claims
    task = await claims.claim(
        task_id, instance=body.instance, lease=_lease(body.lease_seconds), by=call.actor
    )
    call.undo = lambda: claims.undo(task)
    return task_json(task)


class ProgressBody(Body):
    """How far the holder is."""

    percent: Percent | None = None
    message: Message | None = None


class StatusBody(Body):
    """What the holder says: how far it is, or that it gives the task back, or how it ended."""

    instance: Slug
    attempt: Attempt | None = None
    status: StatusWord | None = None
    phase: Phase | None = None
    notes: Notes | None = None
    progress: ProgressBody | None = None
    session_id: Label | None = None


@endpoint("PUT", "/api/tasks/{id}/status", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def report_status(call: Call, task_id: TaskId, body: StatusBody) -> TaskJson:
    """Report progress, give the task back (`pending`), or end it.

    Progress renews the lease; beside `pending` and `cancelled` it is noted first. `failed` is the
    same as POST fail, with the notes as the error; `cancelled` gives the task up for good.
    `session_id` is the Claude session that works on it; `completed` and `failed` do not take it, as
    a result has its own.
    """
    return task_json(await _report(call, task_id, body))


async def _report(call: Call, task_id: TaskId, body: StatusBody) -> Task:
    claims = call.services.claims
    who: dict[str, Any] = {
        "instance": body.instance,
        "attempt": body.attempt,
        "by": call.actor,
    }
    told: dict[str, Any] = {
        "notes": body.notes,
        "progress": _progress(body),
        "session_id": body.session_id,
    }
    if body.status in (Status.PENDING, Status.CANCELLED) and any(told.values()):
        # These take no progress: it is reported first. Done and failed may come late or twice.
        await claims.progress(task_id, **told, **who)
    if body.status in (Status.COMPLETED, Status.FAILED) and body.session_id:
        raise Invalid(errors=[FieldError("session_id", "goes with progress; a result has its own")])
    match body.status:
        case None | Status.IN_PROGRESS:
            return await claims.progress(task_id, phase=body.phase, **told, **who)
        case Status.PENDING:
            return await claims.release(task_id, notes=body.notes, **who)
        case Status.COMPLETED:
            return await claims.complete(task_id, notes=body.notes, result=None, **who)
        case Status.FAILED:
            error = body.notes or "No reason was given."
            return await claims.fail(task_id, error=error, for_good=False, result=None, **who)
        case Status.CANCELLED:
            return await call.services.tasks.cancel(task_id, **who)


def _progress(body: StatusBody) -> Progress | None:
    told = body.progress
    return None if told is None else Progress(percent=told.percent, message=told.message)


class CompleteBody(Body):
    """Who did it, and what came of it."""

    instance: Slug
    attempt: Attempt | None = None
    notes: Notes | None = None
    result: SuccessfulResult | None = None


@endpoint("POST", "/api/tasks/{id}/complete", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def complete_task(call: Call, task_id: TaskId, body: CompleteBody) -> TaskJson:
    """End a task as done.

    Also where its lease ran out, as long as nobody has claimed it since. Doing it again changes
    nothing.
    """
    task = await call.services.claims.complete(
        task_id,
        instance=body.instance,
        attempt=body.attempt,
        notes=body.notes,
        result=body.result,
        by=call.actor,
    )
    return task_json(task)


class FailBody(Body):
    """Who failed, why, and whether another attempt makes sense."""

    instance: Slug
    attempt: Attempt | None = None
    error: Notes
    retry: Flag = True
    result: Result | None = None


@endpoint("POST", "/api/tasks/{id}/fail", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def fail_task(call: Call, task_id: TaskId, body: FailBody) -> TaskJson:
    """End an attempt as failed.

    The task is tried again after a while, until its attempts are used up; with `retry` false it
    fails for good.
    """
    task = await call.services.claims.fail(
        task_id,
        instance=body.instance,
        attempt=body.attempt,
        error=body.error,
        for_good=not body.retry,
        result=body.result,
        by=call.actor,
    )
    return task_json(task)


class ReleaseBody(Body):
    """Who gives the task back."""

    instance: Slug
    attempt: Attempt | None = None
    notes: Notes | None = None


@endpoint("POST", "/api/tasks/{id}/release", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def release_task(call: Call, task_id: TaskId, body: ReleaseBody) -> TaskJson:
    """Give a task back, without a failure."""
    task = await call.services.claims.release(
        task_id, instance=body.instance, attempt=body.attempt, notes=body.notes, by=call.actor
    )
    return task_json(task)


class ParkBody(Body):
    """Who gives the task back to wait for what, and the Claude session to go on with.

    Either `until`, a time, or `question`, the id of one that was asked about the task.
    """

    instance: Slug
    attempt: Attempt | None = None
    until: Time | None = None
    question: Id | None = None
    session_id: Label | None = None
    notes: Notes | None = None


@endpoint("POST", "/api/tasks/{id}/park", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def park_task(call: Call, task_id: TaskId, body: ParkBody) -> TaskJson:
    """Give a task back to wait until a time or for an answer, without a failure.

    The same instance gets it back first, for ten minutes from when it is ready; at once where the
    question is answered already.
    """
    task = await call.services.claims.park(
        task_id,
        instance=body.instance,
        attempt=body.attempt,
        until=body.until,
        question=None if body.question is None else QuestionId(body.question),
        session_id=body.session_id,
        notes=body.notes,
        by=call.actor,
    )
    return task_json(task)


class RenewBody(Body):
    """Who holds the task, and the length of its new lease."""

    instance: Slug
    attempt: Attempt | None = None
    lease_seconds: Lease | None = None


@endpoint("POST", "/api/tasks/{id}/heartbeat", scope=Scope.WORK, errors=_HOLDERS_ERRORS)
async def renew_task(call: Call, task_id: TaskId, body: RenewBody) -> TaskJson:
    """Renew the lease on a task."""
    task = await call.services.claims.renew(
        task_id,
        instance=body.instance,
        attempt=body.attempt,
        lease=_lease(body.lease_seconds),
        by=call.actor,
    )
    return task_json(task)
