"""What tests of questions look at."""

from __future__ import annotations

from typing import Any

from athena.model.event import SYSTEM, Event
from athena.model.question import (
    ProposedAction,
    QuestionStatus,
)
from athena.model.task import Task
from tests.service.driver import QueueDriver

BASH = ProposedAction(tool="Bash", input={"command": "make deploy", "n": [1, None, 0.5]})
OPEN, ANSWERED, WITHDRAWN = QuestionStatus


def about_questions(history: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    return [(e.type, dict(e.data)) for e in history if e.type.startswith("question.")]


async def withdrawn_because(queue: QueueDriver, task: Task) -> list[object]:
    """The reasons of the withdrawals in the task's history; each was Athena's own doing."""
    withdrawn = [e for e in await queue.history_of(task) if e.type == "question.withdrawn"]
    assert {e.actor for e in withdrawn} <= {SYSTEM}
    return [e.data.get("reason") for e in withdrawn]
