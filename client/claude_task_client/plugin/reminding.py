"""What Claude is told when it stops with a task open, or after one was lost: once for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from claude_task_client.plugin.sitting import Sitting
from claude_task_client.state import Claim

OPEN: Final = (
    "Athena: this session still holds {numbers}. If it is done: commit, then complete it with a"
    " note of what was done (tool complete_task, or `claude-task-client complete {one} -n NOTES`)."
    " If it cannot be done: fail_task with the reason, or release_task to give it back. If you are"
    " still at it, or wait for the user, just stop again: you will not be reminded a second time."
)
CANCELLED: Final = "Athena: #{task} was cancelled. Stop working on it, and tell the user."
LOST: Final = (
    "Athena: this session no longer holds #{task} ({code}): its lease ran out, or somebody ended or"
    " took it. See how it stands before anything else: claude-task-client show {task}. If it waits"
    " in the queue again, claim it again before you go on: claude-task-client claim {task}"
)


def say(here: Sitting) -> Mapping[str, object] | None:
    """What it must hear before it stops; None where there is nothing new."""
    told = here.read()
    if told is None:
        return None
    claims = [claim for claim in here.claims() if _name(claim) not in told.reminded]
    if not claims and not told.lost:
        return None
    names = [_name(claim) for claim in claims]
    here.change(lambda now: now._replace(reminded=[*now.reminded, *names], lost=[]))
    words = [_lost(task, code) for task, code in told.lost]
    if claims:
        numbers = ", ".join(f"#{claim.task_id}" for claim in claims)
        words.append(OPEN.format(numbers=numbers, one=claims[0].task_id))
    # With `decision: block` the same would be shown as a problem of the hook.
    return {"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": "\n".join(words)}}


def _name(claim: Claim) -> str:
    return f"{claim.task_id}/{claim.attempt}"


def _lost(task: int, code: str) -> str:
    return (CANCELLED if code == "task_cancelled" else LOST).format(task=task, code=code)
