"""How tasks look in JSON, and their results, and why they are not running."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ConfigDict
from typing_extensions import TypedDict

from athena.api.wire.times import time_or_none
from athena.model.lifecycle import Status
from athena.model.outcome import Outcome
from athena.model.page import Page
from athena.model.reason import Why
from athena.model.task import Phase, Priority, Progress, Readiness, Task, TaskId


class ProgressJson(TypedDict):
    """How far the holder is, in its own words."""

    percent: int | None
    message: str | None


class TaskJson(TypedDict):
    """A task."""

    id: int
    description: str
    status: Status
    priority: Priority
    project: str | None
    target: str | None
    lane: str | None
    created_at: str
    created_by: str | None
    created_via: str
    updated_at: str
    not_before: str | None
    depends_on: tuple[TaskId, ...]
    blocked_by: tuple[TaskId, ...]
    claimed_by: str | None
    claimed_at: str | None
    lease_expires_at: str | None
    attempt: int
    failures: int
    max_attempts: int
    readiness: Readiness | None
    phase: Phase | None
    progress: ProgressJson | None
    notes: str | None
    error: str | None
    result: Mapping[str, Any] | None
    completed_at: str | None
    session_id: str | None
    continues: str | None
    metadata: Mapping[str, Any]


def _progress(progress: Progress | None) -> ProgressJson | None:
    return None if progress is None else {"percent": progress.percent, "message": progress.message}


def task_json(task: Task) -> TaskJson:
    """The task's public fields."""
    return {
        "id": task.id,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "project": task.project,
        "target": task.target,
        "lane": task.lane,
        "created_at": time_or_none(task.created_at) or "",
        "created_by": task.created_by,
        "created_via": task.created_via,
        "updated_at": time_or_none(task.updated_at) or "",
        "not_before": time_or_none(task.not_before),
        "depends_on": task.depends_on,
        "blocked_by": task.blocked_by,
        "claimed_by": task.claimed_by,
        "claimed_at": time_or_none(task.claimed_at),
        "lease_expires_at": time_or_none(task.lease_expires_at),
        "attempt": task.attempt,
        "failures": task.failures,
        "max_attempts": task.max_attempts,
        "readiness": task.readiness,
        "phase": task.phase,
        "progress": _progress(task.progress),
        "notes": task.notes,
        "error": task.error,
        "result": task.result,
        "completed_at": time_or_none(task.completed_at),
        "session_id": task.session_id,
        "continues": task.continues,
        "metadata": task.metadata,
    }


class ResultJson(TypedDict, total=False):
    """How a task ended. Further fields are kept as they were reported."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]  # pydantic reads it here

    success: bool
    output: Any
    error: Any
    started_at: Any
    completed_at: Any
    duration_ms: Any
    duration_api_ms: Any
    total_cost_usd: Any
    usage: Any
    session_id: Any
    num_turns: Any
    branch: Any
    commit: Any
    pushed: Any
    pull_request_url: Any
    audit: Any
    tests: Any


def result_json(outcome: Outcome) -> ResultJson:
    """How a task ended, in the worker's own words where there are any."""
    return cast("ResultJson", outcome.result)


class TaskPage(TypedDict):
    """Some tasks; `next_cursor` asks for the following ones, null at the end."""

    tasks: list[TaskJson]
    next_cursor: str | None


def task_page(page: Page[Task]) -> TaskPage:
    """A page of tasks."""
    return {"tasks": [task_json(task) for task in page.items], "next_cursor": page.next_cursor}


class ReasonJson(TypedDict):
    """One thing that holds a task."""

    code: str
    detail: str


class WhyJson(TypedDict):
    """Why a task is not running; `position` is its place in the queue, from 1."""

    readiness: Readiness | None
    position: int | None
    reasons: list[ReasonJson]


def why_json(why: Why) -> WhyJson:
    """Why a task is not running."""
    return {
        "readiness": why.readiness,
        "position": why.position,
        "reasons": [{"code": r.code.value, "detail": r.detail} for r in why.reasons],
    }
