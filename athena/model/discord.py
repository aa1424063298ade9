"""What has been told about each task on Discord, and what is just being told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

# The stream of what concerns no task, such as a sick instance.
NO_TASK: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a task stands on Discord, and how much of its history has been told there.

    - `card_id`: its message in the channel; None before it is posted and after somebody deleted it
    - `cards_posted`: how often; a deleted card is posted again once
    - `shown`: a digest of what the card says, so that nothing is sent twice
    - `progress_id`, `progress`: the message in the thread that follows this attempt, and its text
    - `delivered`: the events up to this one need nothing more
    """

    task_id: int
    guild_id: int
    channel_id: int
    card_id: int | None = None
    cards_posted: int = 0
    shown: str = ""
    thread_id: int | None = None
    progress_id: int | None = None
    progress: str = ""
    delivered: int = 0


class OutgoingKind(StrEnum):
    """What a message is, once it has been sent."""

    CARD = "card"
    NOTICE = "notice"
    PROGRESS = "progress"
    QUESTION = "question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that is written down before it is sent, so that a crash cannot send it twice.

    `nonce` makes Discord itself refuse a repeat for some minutes; after that the channel's history
    tells. `through`: the last event that it tells of. `mention`: the one user who may be pinged.
    `question_id`: the question that it shows, if that is what it is.
    """

    task_id: int
    kind: OutgoingKind
    channel_id: int
    nonce: str
    through: int
    begun_at: datetime
    content: str = ""
    reply_to: int | None = None
    mention: int | None = None
    file_name: str | None = None
    file_text: str | None = None
    question_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMessage:
    """Where a question is shown that may still have to be shown as answered.

    `shown`: a digest of what the message says; empty where that is not known for certain.
    """

    question_id: int
    task_id: int
    channel_id: int
    message_id: int
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A task as the completion of a command's option shows it."""

    task_id: int
    description: str
    status: str
