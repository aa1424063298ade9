"""Claude conversations: which tasks were done in each, and what that took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from athena.model import limits
from athena.model.task import TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A conversation, as the tasks that are kept of it tell.

    `project` and `last_task` are those of its last use; `instance` is the last that is known.
    """

    id: str
    project: str | None
    instance: str | None
    first_at: datetime
    last_at: datetime
    tasks: int
    cost_usd: float
    turns: int
    last_task: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUse:
    """A task's part in a session, as it is told now; cost and turns are added up."""

    session_id: str
    task_id: TaskId
    project: str | None
    instance: str | None
    first_at: datetime
    last_at: datetime
    cost_usd: float = 0.0
    turns: int = 0


def is_session_id(text: str) -> bool:
    """Whether the text can name a session: what a result says may be anything."""
    return 0 < len(text) <= limits.LABEL_CHARACTERS_MAX


def turns_of(result: Mapping[str, object] | None) -> int:
    """How many turns the result tells of, where that is a number that can be added up."""
    turns = (result or {}).get("num_turns")
    if isinstance(turns, bool) or not isinstance(turns, int):
        return 0
    return turns if 0 <= turns <= limits.TURNS_MAX else 0
