"""What a model is told when something goes wrong: the reason, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import ValidationError

from claude_task_client.errors import (
    AthenaError,
    BadSettings,
    NotSignedIn,
    Refused,
    TooMany,
    Unreachable,
)
from claude_task_client.mcp import texts

_SIGN_IN: Final = (
    "Ask the person at this machine to run `claude-task-client login` in a terminal; then call"
    " again, without a restart."
)
_SHOW: Final = "See where it stands with show_task."
_WHY: Final = "show_task tells what it waits for; take_next gives a task that can be done now."
_ANOTHER: Final = "Take another with take_next."

NEXT_BY_CODE: Final[Mapping[str, str]] = {
    "unauthorized": _SIGN_IN,
    "forbidden": "The key of this machine may not do that: a person has to sign in with another.",
    "task_not_found": "See what there is with list_tasks.",
    "already_claimed": _ANOTHER,
    "not_holder": "Stop working on it, or claim it first with claim_task.",
    "task_cancelled": f"Stop working on it. {_ANOTHER}",
    "task_blocked": _WHY,
    "lane_busy": _WHY,
    "wrong_target": _WHY,
    "scheduled": _WHY,
    "parked": _WHY,
    "paused": "A person has paused the queue: nothing can be taken until it is resumed.",
    "invalid_transition": _SHOW,
    "question_not_found": "Ask anew: ask_person with task_id and question.",
    "question_withdrawn": "Ask anew if you still need to know: ask_person with the question.",
    "unavailable": "Athena cannot do this now: call again in a minute.",
}

_AWAY: Final = (
    "Nothing is lost, and what this machine holds it keeps while its lease lasts: go on working,"
    " and call again in a minute. If it stays so, tell the person at this machine to run"
    " `claude-task-client doctor`."
)

BUG: Final = (
    "An internal error of claude-task-client; its log on standard error says what it was. See with"
    " show_task what was done; the same call will hardly work."
)


def told(error: AthenaError) -> ToolError:
    """An error of Athena's, as a model can act on it."""
    reason = " ".join(texts.clean(_reason(error)).split()).rstrip(".")
    return ToolError(f"{reason}. {_next(error)}".rstrip())


def _reason(error: AthenaError) -> str:
    if isinstance(error, Refused) and error.code == "unauthorized":
        return "The key of this machine is not valid"  # how to send one is not the model's affair
    return str(error)


def _next(error: AthenaError) -> str:
    match error:
        case TooMany(retry_after_seconds=float(seconds)):
            return f"Call again in {seconds:.0f} s."
        case Refused(code=code):
            return NEXT_BY_CODE.get(code, "")
        case NotSignedIn():
            return _SIGN_IN
        case Unreachable():
            return _AWAY
        case BadSettings():
            return "The person at this machine has to mend that; then call again."
        case _:
            return ""


def unknown_tool(name: str, known: Sequence[str]) -> ToolError:
    """There is no such tool."""
    return ToolError(f"There is no tool {_named(name)}.{_meant(name, known)} {_there_are(known)}")


def unknown_argument(tool: str, name: str, known: Sequence[str]) -> ToolError:
    """The tool takes no such argument: left unsaid, it would be lost in silence."""
    takes = f"It takes {', '.join(known)}." if known else "It takes none."
    return ToolError(f"{tool} has no argument {_named(name)}.{_meant(name, known)} {takes}")


def wrong_arguments(tool: str, error: ValidationError, schema: Mapping[str, Any]) -> ToolError:
    """Which arguments are wrong, and what the tool takes; what was sent is not repeated."""
    wrong = [
        f"{'.'.join(str(part) for part in each['loc'])}: {_said(each['type'], each['msg'])}"
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    required = schema.get("required", [])
    takes = [
        f"{name} (required)" if name in required else name for name in schema.get("properties", {})
    ]
    return ToolError(f"{tool} was not called. {'; '.join(wrong)}. It takes {', '.join(takes)}.")


def _said(kind: str, message: str) -> str:
    text = "is missing" if kind == "missing" else message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _there_are(known: Sequence[str]) -> str:
    return f"There are {', '.join(known)}."


def _named(name: str) -> str:
    return texts.title(repr(name))
