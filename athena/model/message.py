"""A person's word to a task: an instruction to whoever holds it, or the start of a follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from athena.model.task import Task, TaskId

MessageId = NewType("MessageId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was said to a task.

    `sent_by`: the person, as a label; `sent_via`: `api` or `discord`. `follow_up`: the task that
    it was made into, as the one that it was said to had ended.
    """

    id: MessageId
    task_id: TaskId
    text: str
    sent_by: str
    sent_via: str
    sent_at: datetime
    follow_up: TaskId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message with its follow-up task, where there is one and it was not removed since."""

    message: Message
    follow_up: Task | None = None
