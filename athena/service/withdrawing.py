"""What becomes of a task's open questions when nobody can use the answers any more."""

from __future__ import annotations

from athena.model.event import SYSTEM, QuestionWithdrawn, TaskEvent
from athena.model.task import Task
from athena.store import events, questions
from athena.store.base import Transaction


async def withdraw_all(tx: Transaction, task: Task, because: TaskEvent) -> None:
    """Withdraw every open question of a task that is locked, each with its event."""
    for question in await questions.open_of_task(tx, task.id):
        await questions.withdraw(tx, question)
        withdrawn = QuestionWithdrawn(
            question=question.id,
            kind=question.kind.value,
            instance=question.instance,
            reason=because.type,
        )
        await events.append(tx, withdrawn, SYSTEM, task_id=task.id)
