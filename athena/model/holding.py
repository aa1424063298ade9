"""What the holder of a task may do, and what the task is afterwards: pure steps from task to task.

Each step checks in the order of the specification (cancelled, not the holder, not possible), and
leaves readiness, lanes and dependants to `service/settling.py`.
Source: specification, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from athena.model import limits
from athena.model.errors import InvalidTransition, NotHolder, TaskWasCancelled
from athena.model.event import TaskProgressed
from athena.model.lifecycle import Action, Status, status_after
from athena.model.task import Phase, Progress, Task, cost_usd_of, replace

# What is known of a task only while it is pending. Spelled out once: a value of so many fields is
# not copied twice on the hot path.
_OUT_OF_THE_QUEUE: Final[Mapping[str, Any]] = {
    "readiness": None,
    "parked_until": None,
    "parked_question": None,
    "affinity": None,
    "affinity_until": None,
    "offered_to": None,
    "due_at": None,
    "late_holder": None,
}

_KEEPS_QUESTIONS: Final = frozenset({Action.PARK, Action.EXPIRE})


def is_held_by(task: Task, instance: str) -> bool:
    """Whether the instance holds the task now."""
    return task.is_running and task.claimed_by == instance


def is_done_by(task: Task, *, instance: str, attempt: int | None) -> bool:
    """Whether the instance has completed the task with this very attempt: a repeat is no error."""
    return (
        task.status is Status.COMPLETED
        and task.claimed_by == instance
        and attempt in (None, task.attempt)
    )


def is_fresh(task: Task) -> bool:
    """Whether the lease is still the one that came with the claim: it was not renewed."""
    return (
        task.claimed_at is not None
        and task.lease is not None
        and task.lease_expires_at == task.claimed_at + task.lease
    )


def check_holder(task: Task, *, instance: str, attempt: int | None) -> None:
    """Refuse whoever does not hold, or has not ended, this attempt of the task.

    Raises: TaskWasCancelled; NotHolder (another instance, or an attempt that is out of date).
    """
    if task.status is Status.CANCELLED:
        raise TaskWasCancelled(f"Task #{task.id} was cancelled.")
    if task.claimed_by != instance or task.is_pending:
        raise NotHolder(f"This instance does not hold task #{task.id}.")
    check_attempt(task, attempt)


def check_running_holder(task: Task, *, instance: str, attempt: int | None) -> None:
    """As `check_holder`, and the task must still be in progress.

    Raises: TaskWasCancelled, NotHolder; InvalidTransition, where the holder has ended it.
    """
    check_holder(task, instance=instance, attempt=attempt)
    if not task.is_running:
        raise InvalidTransition(f"Task #{task.id} is {task.status.value}.")


def check_attempt(task: Task, attempt: int | None) -> None:
    """Refuse an attempt number that is not the task's own; None stands for the current one.

    Raises: NotHolder.
    """
    if attempt is not None and attempt != task.attempt:
        raise NotHolder(f"Task #{task.id} is at attempt {task.attempt}: yours is out of date.")


def may_finish_late(task: Task, *, instance: str, attempt: int | None) -> bool:
    """Whether the instance's lease on this very attempt ran out and nobody has claimed since."""
    return not task.is_running and task.late_holder == instance and attempt in (None, task.attempt)


def claimed(
    task: Task, *, instance: str, lease: timedelta, now: datetime, steady: timedelta
) -> Task:
    """The pending task as held by the instance from now on; `attempt` goes up by one.

    What the instance itself has asked before stays asked; nobody else can use the answer.
    """
    return replace(
        task,
        **_OUT_OF_THE_QUEUE,
        status=status_after(task.status, Action.CLAIM),
        claimed_by=instance,
        claimed_at=now,
        updated_at=now,
        attempt=task.attempt + 1,
        asker=task.asker if task.asker == instance else None,
        phase=Phase.WORKING,
        progress=None,
        lease=lease,
        lease_deadline=steady + lease,
        lease_expires_at=now + lease,
    )


def renewed(task: Task, *, lease: timedelta | None, now: datetime, steady: timedelta) -> Task:
    """The held task with a fresh lease, of the length it had unless another is asked for."""
    length = lease or task.lease or limits.LEASE_DEFAULT
    return replace(
        task, lease=length, lease_deadline=steady + length, lease_expires_at=now + length
    )


def progressed(
    task: Task,
    *,
    phase: Phase | None,
    notes: str | None,
    progress: Progress | None,
    session_id: str | None,
    now: datetime,
) -> Task:
    """The held task with what the holder reported; what it left out stays."""
    status_after(task.status, Action.PROGRESS)
    return replace(
        task,
        phase=phase or task.phase,
        notes=task.notes if notes is None else notes,
        progress=_merged(task.progress, progress),
        session_id=session_id or task.session_id,
        updated_at=now,
    )


def report_of(task: Task) -> TaskProgressed:
    """The event that tells how far the holder is."""
    progress = task.progress or Progress()
    return TaskProgressed(
        instance=task.claimed_by or "",
        attempt=task.attempt,
        phase=task.phase.value if task.phase else None,
        percent=progress.percent,
        message=progress.message,
    )


def asked(task: Task) -> Task:
    """The held task while its holder waits for a person."""
    return replace(task, asker=task.claimed_by, phase=Phase.WAITING)


def unasked(task: Task, question: int, *, still_open: int) -> Task:
    """The task once the question is answered or withdrawn; `still_open`: how many others are not.

    The last one ends the holder's waiting; a task that is parked on this very one goes on.
    """
    return replace(
        task,
        asker=task.asker if still_open else None,
        phase=Phase.WORKING if task.phase is Phase.WAITING and not still_open else task.phase,
        parked_question=None if task.parked_question == question else task.parked_question,
    )


def _merged(old: Progress | None, new: Progress | None) -> Progress | None:
    if old is None or new is None:
        return new or old
    return Progress(
        percent=old.percent if new.percent is None else new.percent,
        message=old.message if new.message is None else new.message,
    )


def completed(
    task: Task,
    action: Action,
    *,
    instance: str,
    notes: str | None,
    result: Mapping[str, object] | None,
    now: datetime,
) -> Task:
    """The task as done by the instance; `action` says whether its lease had run out."""
    return _ended(
        task,
        status_after(task.status, action),
        now,
        claimed_by=instance,
        notes=task.notes if notes is None else notes,
        error=None,
        result=result,
        cost_usd=_cost_with(task, result),
        session_id=_session_of(result) or task.session_id,
    )


def failed(task: Task, *, error: str, result: Mapping[str, object] | None, now: datetime) -> Task:
    """The task as failed for good by its holder."""
    return _ended(
        task,
        status_after(task.status, Action.FAIL),
        now,
        failures=task.failures + 1,
        error=error,
        result=result,
        cost_usd=_cost_with(task, result),
        session_id=_session_of(result) or task.session_id,
    )


def failed_for_now(
    task: Task,
    *,
    error: str,
    result: Mapping[str, object] | None,
    not_before: datetime,
    now: datetime,
) -> Task:
    """The task as pending again after a failed attempt, to be tried not before a time."""
    return replace(
        given_back(task, Action.FAIL_AND_RETRY, now=now),
        failures=task.failures + 1,
        error=error,
        result=result,
        cost_usd=_cost_with(task, result),
        not_before=not_before,
        session_id=_session_of(result) or task.session_id,
    )


def failed_late(
    task: Task, *, error: str, result: Mapping[str, object] | None, now: datetime
) -> Task:
    """The task with what a late failure tells of; its failure was counted with the lease."""
    return replace(
        task,
        late_holder=None,
        asker=None,
        error=error,
        result=task.result if result is None else result,
        cost_usd=_cost_with(task, result),
        session_id=_session_of(result) or task.session_id,
        updated_at=now,
    )


def given_back(task: Task, action: Action, *, now: datetime) -> Task:
    """The task as pending again, held by nobody, with what its holder last said.

    Whoever parks it, or merely lost its lease, may still use the answers to what it has asked.
    """
    return replace(
        task,
        status=status_after(task.status, action),
        asker=task.asker if action in _KEEPS_QUESTIONS else None,
        claimed_by=None,
        claimed_at=None,
        updated_at=now,
        phase=None,
        lease=None,
        lease_deadline=None,
        lease_expires_at=None,
    )


def parked(
    task: Task,
    *,
    until: datetime | None,
    question: int | None,
    session_id: str | None,
    now: datetime,
) -> Task:
    """The task as given back to wait for a time or an open question; its holder gets it first."""
    return replace(
        given_back(task, Action.PARK, now=now),
        parked_until=until,
        parked_question=question,
        affinity=task.claimed_by,
        affinity_until=None,
        session_id=session_id or task.session_id,
    )


def expired(task: Task, *, now: datetime) -> Task:
    """The task whose lease ran out: pending again, or failed once its attempts are used up."""
    failures = task.failures + 1
    if failures >= task.max_attempts:
        error = f"The lease of {task.claimed_by} ran out ({failures} of {task.max_attempts})."
        status = status_after(task.status, Action.EXPIRE_FOR_GOOD)
        ended = _ended(task, status, now, failures=failures, error=error)
        return replace(ended, late_holder=task.claimed_by)
    back = given_back(task, Action.EXPIRE, now=now)
    return replace(back, failures=failures, late_holder=task.claimed_by)


def cancelled(task: Task, *, now: datetime) -> Task:
    """The task as cancelled; whoever held it stays recorded."""
    return _ended(task, status_after(task.status, Action.CANCEL), now)


def retried(task: Task, *, now: datetime) -> Task:
    """The ended task as pending again; `attempt` goes on counting."""
    return replace(
        task,
        status=status_after(task.status, Action.RETRY),
        claimed_by=None,
        claimed_at=None,
        completed_at=None,
        updated_at=now,
        not_before=None,
        progress=None,
        failures=0,
        error=None,
        result=None,
    )


def _ended(task: Task, status: Status, now: datetime, **further: Any) -> Task:
    if not status.is_end:
        raise InvalidTransition(f"{status.value} is not an end.")
    return replace(
        task,
        **_OUT_OF_THE_QUEUE,
        **further,
        asker=None,
        status=status,
        completed_at=now,
        updated_at=now,
        phase=None,
        lease=None,
        lease_deadline=None,
        lease_expires_at=None,
    )


def _cost_with(task: Task, result: Mapping[str, object] | None) -> float | None:
    """What the task has cost, this attempt included: a failed one costs as well."""
    costs = [cost for cost in (task.cost_usd, cost_usd_of(result)) if cost is not None]
    return sum(costs) if costs else None


def _session_of(result: Mapping[str, object] | None) -> str | None:
    session = (result or {}).get("session_id")
    return session if isinstance(session, str) and session else None
