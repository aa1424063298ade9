"""What a task has used up of its limits, and what is left for the next run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypedDict

from claude_task_client.describing import dollars
from claude_task_client.worker.executor import Outcome
from claude_task_client.worker.job import Job
from claude_task_client.worker.record import Record

AUDIT_TURNS_MAX: Final = 50
AUDIT_SECONDS_MAX: Final = 900.0


class Left(TypedDict):
    """The limits of one run, as `Turn` takes them."""

    max_turns: int | None
    max_cost_usd: float | None
    timeout_seconds: float
    silence_seconds: float


def exhausted(job: Job) -> str | None:
    """Which limit of the task is used up, for a person; None: none is."""
    record, project = job.record, job.project
    cost = record.usage.total_cost_usd
    if record.turns >= project.max_turns:
        return f"The task's {project.max_turns} turns are used up (max_turns)."
    if project.max_cost_usd is not None and cost >= project.max_cost_usd:
        return (
            f"The task has cost {dollars(cost)} of {dollars(project.max_cost_usd)} (max_cost_usd)."
        )
    if record.worked_seconds >= project.timeout_seconds:
        return f"The task has been worked on for {record.worked_seconds:.0f} s (timeout)."
    return None


def left(job: Job) -> Left:
    """What the next run of the working agent may use."""
    record, project = job.record, job.project
    return Left(
        max_turns=project.max_turns - record.turns,
        max_cost_usd=_cost_left(job),
        timeout_seconds=project.timeout_seconds - record.worked_seconds,
        silence_seconds=project.silence_seconds,
    )


def left_for_reading(job: Job) -> Left:
    """What a run of an agent that only reads may use."""
    return Left(
        max_turns=AUDIT_TURNS_MAX,
        max_cost_usd=_cost_left(job),
        timeout_seconds=AUDIT_SECONDS_MAX,
        silence_seconds=job.project.silence_seconds,
    )


def _cost_left(job: Job) -> float | None:
    limit = job.project.max_cost_usd
    # The program refuses a budget of nothing.
    return None if limit is None else max(limit - job.record.usage.total_cost_usd, 0.01)


def note_usage(job: Job, outcome: Outcome) -> None:
    """Add what a run has used to the task's sum."""
    job.record.usage += outcome.usage


def note_run(job: Job, outcome: Outcome) -> None:
    """Add a run of the working agent, and how it ended."""
    record = job.record
    own = replace(outcome.usage, duration_api_ms=_own_api_ms(record, outcome))
    note_usage(job, replace(outcome, usage=own))
    record.turns += outcome.usage.num_turns
    record.worked_seconds += outcome.usage.duration_ms / 1000
    record.end, record.error = outcome.end.value, outcome.error
    record.output = outcome.text or record.output
    record.session_id = outcome.session_id or record.session_id


def _own_api_ms(record: Record, outcome: Outcome) -> int:
    """The run's own time with the API: the program tells the whole conversation's (2.1.330)."""
    told, session_id = outcome.usage.duration_api_ms, outcome.session_id
    if session_id is None or not told:
        return told
    before = record.api_ms.get(session_id)
    record.api_ms[session_id] = told
    if before is None:
        # It may have begun in another task, whose time is not known here.
        return min(told, outcome.usage.duration_ms)
    return told - before if told >= before else told
