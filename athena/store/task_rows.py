"""How a task stands in its row, and what of it each of the narrower statements writes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from athena.model.lifecycle import Status
from athena.model.task import (
    PRIORITY_OF_RANK,
    Phase,
    Progress,
    Readiness,
    Task,
    TaskId,
    task_of,
)
from athena.model.text import epoch_milliseconds
from athena.store.base import Row, Value
from athena.store.columns import (
    json_column,
    json_object,
    span_column,
    span_value,
    time_column,
    time_value,
)

# A look-up takes a tenth of the time that calling the enumeration does.
_STATUS: Final = {status.value: status for status in Status}
_READINESS: Final = {readiness.value: readiness for readiness in Readiness}
_PHASE: Final = {phase.value: phase for phase in Phase}


def from_row(row: Row) -> Task:
    """The task that a row holds; its dependencies are added by `with_dependencies`."""
    percent, message = row["progress_percent"], row["progress_message"]
    phase, readiness, result = row["phase"], row["readiness"], row["result"]
    metadata = row["metadata"]
    return task_of(
        id=TaskId(row["id"]),
        description=row["description"],
        status=_STATUS[row["status"]],
        priority=PRIORITY_OF_RANK[row["priority"]],
        project=row["project"] or None,
        target=row["target"] or None,
        lane=row["lane"],
        created_at=time_value(row["created_at"]) or _never(),
        created_by=row["created_by"],
        created_via=row["created_via"],
        updated_at=time_value(row["updated_at"]) or _never(),
        not_before=time_value(row["not_before"]),
        depends_on=(),
        blocked_by=(),
        claimed_by=row["claimed_by"],
        claimed_at=time_value(row["claimed_at"]),
        lease_expires_at=time_value(row["lease_expires_at"]),
        attempt=row["attempt"],
        failures=row["failures"],
        max_attempts=row["max_attempts"],
        readiness=None if readiness is None else _READINESS[readiness],
        phase=None if phase is None else _PHASE[phase],
        progress=None
        if percent is None and message is None
        else Progress(percent=percent, message=message),
        notes=row["notes"],
        error=row["error"],
        result=None if result is None else json_object(result),
        completed_at=time_value(row["completed_at"]),
        session_id=row["session_id"],
        continues=row["continues"],
        metadata={} if metadata == "{}" else json_object(metadata),
        submitter=row["submitter"],
        cost_usd=row["cost_usd"],
        lease=span_value(row["lease_ms"]),
        lease_deadline=span_value(row["lease_deadline"]),
        late_holder=row["late_holder"],
        unmet=row["unmet"],
        dependencies=row["dependencies"],
        affinity=row["affinity"],
        affinity_until=time_value(row["affinity_until"]),
        parked_until=time_value(row["parked_until"]),
        asker=row["asker"],
        parked_question=row["parked_question"],
        offered_to=row["offered_to"] or None,
        due_at=time_value(row["due_at"]),
    )


def _never() -> datetime:
    raise ValueError("a column that is never empty is empty")


def to_row(task: Task) -> dict[str, Value]:
    """The columns of a task; `from_row` gives it back."""
    progress = task.progress
    return {
        "id": task.id,
        "description": task.description,
        "status": task.status.value,
        "priority": task.priority.rank,
        "project": task.project or "",
        "target": task.target or "",
        "lane": task.lane,
        "created_at": epoch_milliseconds(task.created_at),
        "created_by": task.created_by,
        "created_via": task.created_via,
        "submitter": task.submitter,
        "updated_at": epoch_milliseconds(task.updated_at),
        "not_before": time_column(task.not_before),
        "max_attempts": task.max_attempts,
        "attempt": task.attempt,
        "failures": task.failures,
        "claimed_by": task.claimed_by,
        "claimed_at": time_column(task.claimed_at),
        "late_holder": task.late_holder,
        "lease_ms": span_column(task.lease),
        "lease_deadline": span_column(task.lease_deadline),
        "lease_expires_at": time_column(task.lease_expires_at),
        "readiness": None if task.readiness is None else task.readiness.value,
        "dependencies": task.dependencies,
        "unmet": task.unmet,
        "parked_until": time_column(task.parked_until),
        "asker": task.asker,
        "parked_question": task.parked_question,
        "affinity": task.affinity,
        "affinity_until": time_column(task.affinity_until),
        "offered_to": (task.offered_to or "") if task.is_pending else None,
        "due_at": time_column(task.due_at),
        "phase": None if task.phase is None else task.phase.value,
        "progress_percent": None if progress is None else progress.percent,
        "progress_message": None if progress is None else progress.message,
        "notes": task.notes,
        "error": task.error,
        "result": None if task.result is None else json_column(task.result),
        "cost_usd": task.cost_usd,
        "completed_at": time_column(task.completed_at),
        "session_id": task.session_id,
        "continues": task.continues,
        "metadata": json_column(task.metadata) if task.metadata else "{}",
    }


def claimed_columns(task: Task) -> dict[str, Value]:
    """What `save_claimed` writes."""
    return {
        "id": task.id,
        "status": task.status.value,
        "updated_at": epoch_milliseconds(task.updated_at),
        "attempt": task.attempt,
        "claimed_by": task.claimed_by,
        "claimed_at": time_column(task.claimed_at),
        "lease_ms": span_column(task.lease),
        "lease_deadline": span_column(task.lease_deadline),
        "lease_expires_at": time_column(task.lease_expires_at),
        "phase": None if task.phase is None else task.phase.value,
    }


def ended_columns(task: Task) -> dict[str, Value]:
    """What `save_ended` writes."""
    return {
        "id": task.id,
        "status": task.status.value,
        "updated_at": epoch_milliseconds(task.updated_at),
        "failures": task.failures,
        "claimed_by": task.claimed_by,
        "claimed_at": time_column(task.claimed_at),
        "late_holder": task.late_holder,
        "notes": task.notes,
        "error": task.error,
        "result": None if task.result is None else json_column(task.result),
        "cost_usd": task.cost_usd,
        "completed_at": time_column(task.completed_at),
        "session_id": task.session_id,
    }
