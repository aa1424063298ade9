"""What is said of an error: the reason, and the command that helps next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from claude_task_client import output
from claude_task_client.errors import (
    AthenaError,
    NothingToDo,
    NotSignedIn,
    Refused,
    TooMany,
    Unreachable,
)

_WHY: Final = "See why: claude-task-client why {id}"
_SHOW: Final = "See where it stands: claude-task-client show {id}"
_QUESTIONS: Final = "See which questions are open: claude-task-client answer"

BY_CODE: Final[Mapping[str, str]] = {
    "unauthorized": "Sign in with a valid key: claude-task-client login",
    "forbidden": "See what your key may do: claude-task-client doctor",
    "task_not_found": "See what there is: claude-task-client list --status all",
    "already_claimed": "See who holds it: claude-task-client show {id}",
    "not_holder": "See who holds it: claude-task-client show {id}",
    "task_cancelled": "Stop working on it, and take another: claude-task-client claim",
    "task_blocked": _WHY,
    "lane_busy": _WHY,
    "wrong_target": _WHY,
    "scheduled": _WHY,
    "parked": _WHY,
    "paused": "Let the queue go on: claude-task-client resume",
    "invalid_transition": _SHOW,
    "has_dependents": _SHOW,
    "question_not_found": _QUESTIONS,
    "already_answered": _QUESTIONS,
    "question_withdrawn": _QUESTIONS,
    "session_not_found": "See what there is: claude-task-client sessions",
    "unavailable": "See how Athena is: claude-task-client doctor",
}


def advice(error: AthenaError, *, task_id: object = None) -> str | None:
    """What to do about an error, where a command helps."""
    match error:
        case TooMany(retry_after_seconds=float(seconds)):
            return f"Try again in {seconds:.0f} s."
        case Refused(code=code):
            text = BY_CODE.get(code)
            return text and text.format(id=task_id or "ID")
        case NotSignedIn():
            return "Sign in: claude-task-client login"
        case Unreachable():
            return "See what is wrong: claude-task-client doctor"
        case _:
            return None


def complain(error: AthenaError, *, task_id: object = None) -> None:
    """Say on standard error what went wrong, and which command helps."""
    kind = "" if isinstance(error, NothingToDo) else "Error: "
    output.warn(f"{kind}{output.clean(str(error))}")
    hint = advice(error, task_id=task_id)
    if hint:
        output.warn(hint)
