"""A task in words."""

from __future__ import annotations

from collections.abc import Callable

from claude_task_client import clock, output
from claude_task_client.wire import Event, Result, Task

EVENT_CHARACTERS_MAX = 160
_DOLLARS_MIN = 0.0001


def state(task: Task) -> str:
    """Where it stands: `pending (blocked)`, `in_progress (working, 40 %)`."""
    details = [
        task.readiness if task.readiness != "ready" else None,
        task.phase,
        percent(task),
    ]
    shown = ", ".join(detail for detail in details if detail)
    return f"{task.status} ({shown})" if shown else task.status


def percent(task: Task) -> str | None:
    """How far it is: `40 %`."""
    if task.progress is None or task.progress.percent is None or task.has_ended:
        return None
    return f"{task.progress.percent} %"


def age(task: Task) -> str:
    """How long ago it was submitted."""
    if task.created_at is None:
        return "-"
    return output.span((clock.now() - task.created_at).total_seconds())


def may_have_questions(task: Task) -> bool:
    """Whether it may wait for a person: nothing else than an open question says so for sure."""
    return task.phase == "waiting" or (task.status == "pending" and task.attempt > 0)


def text(task: Task) -> str:
    """Everything that a person wants to know of it, and its description whole."""
    rows = {
        "Status": state(task),
        "Priority": task.priority,
        "Project": task.project,
        "Target": task.target,
        "Lane": task.lane,
        "Submitted": f"{output.moment(task.created_at)} by {task.created_by or '-'}"
        f" ({task.created_via or '-'})",
        "Not before": None
        if task.has_ended
        else task.not_before and output.moment(task.not_before),
        "Depends on": _numbers(task.depends_on),
        "Blocked by": _numbers(task.blocked_by),
        "Claimed": task.claimed_by and f"{output.moment(task.claimed_at)} by {task.claimed_by}",
        "Lease until": task.lease_expires_at and output.moment(task.lease_expires_at),
        "Attempt": f"{task.attempt} ({task.failures} of {task.max_attempts} failures)"
        if task.attempt
        else None,
        "Progress": None if task.has_ended else task.progress and task.progress.message,
        "Ended": task.completed_at and output.moment(task.completed_at),
        "Notes": task.notes,
        "Error": task.error,
        **(_outcome(task.result) if task.result else {}),
    }
    lines = [f"{name + ':':<13}{_indented(value)}" for name, value in rows.items() if value]
    return "\n".join([f"Task #{task.id}", *lines, "", output.clean(task.description)])


def result_text(result: Result) -> str:
    """What came of a task, in words."""
    rows = {
        "Success": {True: "yes", False: "no"}.get(result.success),  # type: ignore[arg-type]
        "Ended": result.completed_at and output.moment(result.completed_at),
        **_outcome(result),
        "Error": result.error,
    }
    lines = [f"{name + ':':<13}{_indented(value)}" for name, value in rows.items() if value]
    # A result is free in form: whatever the holder said is shown, never a reason to fail.
    output_lines = ["", output.clean(str(result.output))] if result.output else []
    return "\n".join([*lines, *output_lines])


def _outcome(result: Result) -> dict[str, str | None]:
    """What it took, and where the work is."""
    return {
        "Duration": _number(result.duration_ms, lambda ms: output.span(ms / 1000)),
        "Cost": _number(result.total_cost_usd, dollars),
        "Branch": result.branch,
        "Commit": result.commit,
        "Pull request": result.pull_request_url,
    }


def dollars(usd: float) -> str:
    """An amount of money, wherever the client shows one. Small sums are no zero."""
    if 0 < usd < _DOLLARS_MIN:
        return f"<${_DOLLARS_MIN}"
    return f"${usd:.{4 if 0 < usd < 0.01 else 2}f}"


def event_line(event: Event) -> str:
    """What happened, in one line."""
    who = event.actor.name or event.actor.kind if event.actor else "-"
    parts = [
        output.moment(event.at),
        f"{event.type:<18}",
        f"#{event.task_id}" if event.task_id else "",
    ]
    return output.line(" ".join([*parts, f"by {who}", _told(event)]), EVENT_CHARACTERS_MAX)


def _told(event: Event) -> str:
    """The words that came with an event, where there are some."""
    if event.type.startswith("question."):
        who = event.data.get("answer") or event.data.get("instance")
        return f"- question {event.data.get('question')}: {who}"
    words = (
        event.data.get(name) for name in ("description", "message", "notes", "error", "instance")
    )
    return next((f"- {word}" for word in words if isinstance(word, str) and word), "")


def _numbers(ids: tuple[int, ...]) -> str:
    return ", ".join(f"#{each}" for each in ids)


def _number(value: object, words: Callable[[float], str]) -> str | None:
    return words(value) if isinstance(value, int | float) else None


def _indented(value: object) -> str:
    return output.clean(str(value)).replace("\n", "\n" + " " * 13)
