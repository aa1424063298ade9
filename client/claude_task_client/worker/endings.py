"""How an attempt ends: what Athena is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from claude_task_client import output
from claude_task_client.wire import Task, time_text
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import Job, WorkspaceTrouble
from claude_task_client.worker.prompts import cut, subject_of
from claude_task_client.worker.record import Ending, EndingKind

NOTES_CHARACTERS_MAX = 4_000
# Of failed attempts, whose own results are gone once the next one has ended.
EARLIER_COST: Final = "earlier_cost_usd"
COST_MAX: Final = 1e6

# The trouble of an ending: the project's folder is away, which no attempt is to pay for.
PROJECT_MISSING: Final = "project_missing"

LINE_CHARACTERS_MAX = 300

# What a result says of the stages that did not come about.
NOT_YET: Final[Mapping[str, object]] = {
    "branch": None,
    "commit": None,
    "pushed": False,
    "pull_request_url": None,
    "audit": None,
    "tests": None,
}


def completed(job: Job) -> Ending:
    """The task is done."""
    notes = cut(job.record.output, characters=NOTES_CHARACTERS_MAX) or None
    return Ending(
        kind=EndingKind.COMPLETED, body={"notes": notes, "result": result(job, success=True)}
    )


def failed(job: Job, error: str, *, retry: bool) -> Ending:
    """The attempt is over; `retry` where another one may do better."""
    error = cut(error, characters=NOTES_CHARACTERS_MAX)
    body = {"error": error, "retry": retry, "result": result(job, success=False, error=error)}
    return Ending(kind=EndingKind.FAILED, body=body)


async def failed_with_work(job: Job, error: str, *, retry: bool) -> Ending:
    """As `failed`; what was done stays on the task's own branch, for a person to look at."""
    record = job.record
    try:
        tree = await job.workspace.snapshot()
        subject = f"Unfinished: {subject_of(job.task.description)}"
        head = await job.workspace.commit(subject, error, tree=tree)
    except WorkspaceTrouble as trouble:
        job.reporter.log(LineKind.ERROR, str(trouble))
        head = None
    if head is not None:
        record.result.update(branch=record.branch, commit=head)
    return failed(job, error, retry=retry)


def parked_until(job: Job, until: datetime, notes: str, *, trouble: str | None = None) -> Ending:
    """The task waits for a time; nobody has failed."""
    body = {"until": time_text(until), "session_id": job.record.session_id, "notes": notes}
    return Ending(kind=EndingKind.PARKED, body=body, keep=True, trouble=trouble)


def parked_on(job: Job, question_id: int) -> Ending:
    """The task waits for an answer, hours or restarts later."""
    body = {"question": question_id, "session_id": job.record.session_id}
    return Ending(kind=EndingKind.PARKED, body=body, keep=True)


def handed_back(notes: str, *, trouble: str | None = None) -> Ending:
    """The task goes back into the queue as it is; this worker keeps what it has of it."""
    return Ending(kind=EndingKind.RELEASED, body={"notes": notes}, keep=True, trouble=trouble)


def in_a_line(ending: Ending) -> str:
    """For the worker's own log: how it ended, where the work is, and why it is not done."""
    told = ending.body
    of_work = told.get("result")
    work = of_work if isinstance(of_work, dict) else {}
    commit, branch = work.get("commit"), work.get("branch")
    place = f"commit {str(commit)[:12]} on {branch}" if commit else branch
    why = told.get("error") or (None if ending.kind is EndingKind.COMPLETED else told.get("notes"))
    question = told.get("question")
    asked = f"question {question}: claude-task-client answer {question}" if question else None
    parts = [ending.kind.value, place, asked, why]
    return output.line("; ".join(str(part) for part in parts if part), LINE_CHARACTERS_MAX)


def earlier_cost(task: Task) -> dict[str, Any]:
    """What the attempts before this one cost, by the result that the last of them has left.

    A field of the results to come; none where none has told of a cost.
    """
    told = task.result.raw if task.result is not None else {}
    costs = [told.get(name) for name in ("total_cost_usd", EARLIER_COST)]
    # A result may say anything.
    known = [cost for cost in costs if isinstance(cost, int | float) and 0 < cost < COST_MAX]
    return {EARLIER_COST: round(sum(known), 6)} if known else {}


def outage_ends(job: Job) -> datetime:
    """When to try again after the model's API was away: 2 minutes, doubled, at most an hour."""
    return job.now() + min(timedelta(minutes=2 ** max(job.record.outages, 1)), timedelta(hours=1))


def result(job: Job, *, success: bool, error: str | None = None) -> dict[str, Any]:
    """The result as the specification has it (section 4)."""
    record, now = job.record, job.now()
    started_at = datetime.fromisoformat(record.started_at)
    usage = record.usage
    return {
        "success": success,
        "output": cut(record.output),
        "error": error,
        "started_at": record.started_at,
        "completed_at": time_text(now),
        "duration_ms": max(0, round((now - started_at).total_seconds() * 1000)),
        "duration_api_ms": usage.duration_api_ms,
        "total_cost_usd": round(usage.total_cost_usd, 6),
        "usage": {
            "input_tokens": usage.input_tokens,
            "cache_read_input_tokens": usage.cache_read_input_tokens,
            "cache_creation_input_tokens": usage.cache_creation_input_tokens,
            "output_tokens": usage.output_tokens,
        },
        "session_id": record.session_id,
        "num_turns": usage.num_turns,
        **NOT_YET,
        **record.result,
    }
