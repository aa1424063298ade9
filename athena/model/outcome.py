"""How a task ended, as its result says or, where it has none, as its status does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from athena.model.lifecycle import Status
from athena.model.task import Task
from athena.model.text import iso, milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a task: its status, and a result in the shape of the specification."""

    status: Status
    result: Mapping[str, object]


def outcome_of(task: Task) -> Outcome | None:
    """The outcome of an ended task; None for one that has not ended."""
    if not task.status.is_end or task.completed_at is None:
        return None
    succeeded = task.status is Status.COMPLETED
    error = None if succeeded else task.error or task.status.value
    if task.result is not None:
        told = {"error": error, **task.result} if error else task.result
        return Outcome(status=task.status, result={**told, "success": succeeded})
    result: dict[str, object] = {
        "success": succeeded,
        "output": task.notes if succeeded else None,
        "error": error,
        "started_at": None,
        "completed_at": iso(task.completed_at),
    }
    if task.claimed_at is not None:
        result["started_at"] = iso(task.claimed_at)
        result["duration_ms"] = milliseconds(task.completed_at - task.claimed_at)
    return Outcome(status=task.status, result=result)
