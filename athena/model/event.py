"""What can happen, one frozen class a type: the words of the append-only log.

A change is written together with its event or not at all; whoever wants to know reads the log.
Source: specification, section 4 (Events and statistics).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple, NewType

from athena.model.text import iso

EventId = NewType("EventId", int)


class ActorKind(StrEnum):
    """What kind of thing caused an event."""

    KEY = "key"
    DISCORD = "discord"
    INSTANCE = "instance"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused an event: a key by its name, a Discord user, an instance, or Athena itself."""

    kind: ActorKind
    name: str


SYSTEM: Final = Actor(ActorKind.SYSTEM, "athena")


class Event(NamedTuple):
    """One row of the log. Ids grow in the order of commit; `data` is the event's own fields.

    A tuple, since each change makes one: a frozen dataclass takes three times as long to make.
    """

    id: EventId
    type: str
    task_id: int | None
    at: datetime
    actor: Actor
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened, before it has its place in the log."""

    type: ClassVar[str]

    def data(self) -> dict[str, object]:
        """The fields as JSON values; those that are None are left out."""
        # A slotted dataclass lists its fields in __slots__; `fields()` would cost three times more.
        names: tuple[str, ...] = tuple(self.__slots__)
        return {
            name: iso(value) if isinstance(value, datetime) else value
            for name in names
            if (value := getattr(self, name)) is not None
        }


class TaskEvent(Happening):
    """Something that happened to a task."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSubmitted(TaskEvent):
    """A task came into being. The text is not repeated here: it would outlive its task."""

    type: ClassVar[str] = "task.submitted"
    priority: str
    project: str | None
    target: str | None
    lane: str | None
    created_by: str | None
    created_via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(TaskEvent):
    """A person changed the task, or a late failure left its reason; `fields` names what changed."""

    type: ClassVar[str] = "task.changed"
    fields: tuple[str, ...]
    priority: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskClaimed(TaskEvent):
    """An instance holds the task from now on, as attempt number `attempt`."""

    type: ClassVar[str] = "task.claimed"
    instance: str
    attempt: int
    lease_expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgressed(TaskEvent):
    """The holder said how far it is."""

    type: ClassVar[str] = "task.progressed"
    instance: str
    attempt: int
    phase: str | None
    percent: int | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReleased(TaskEvent):
    """The holder gave the task back without a failure; `reason` where Athena did so for it."""

    type: ClassVar[str] = "task.released"
    instance: str
    attempt: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskParked(TaskEvent):
    """The holder gave the task back to wait until a time, or for the answer to a question."""

    type: ClassVar[str] = "task.parked"
    instance: str
    attempt: int
    until: datetime | None
    session_id: str | None
    question: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskExpired(TaskEvent):
    """The lease ran out; the task is pending again and counts one failure more."""

    type: ClassVar[str] = "task.expired"
    instance: str
    attempt: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWillRetry(TaskEvent):
    """An attempt failed; the next may start at `not_before`."""

    type: ClassVar[str] = "task.will_retry"
    instance: str
    attempt: int
    failures: int
    error: str | None
    not_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """The task is done; `late`: its lease had run out, and nobody had claimed it since."""

    type: ClassVar[str] = "task.completed"
    instance: str
    attempt: int
    late: bool | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """The task failed for good; `reason` is `reported` or `expired`."""

    type: ClassVar[str] = "task.failed"
    instance: str
    attempt: int
    failures: int
    error: str | None
    reason: str
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """The task was cancelled; `instance` held it, if it was in progress."""

    type: ClassVar[str] = "task.cancelled"
    instance: str | None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetried(TaskEvent):
    """A person put an ended task back into the queue."""

    type: ClassVar[str] = "task.retried"
    was: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBlocked(TaskEvent):
    """A task that this one depends on failed or was cancelled: it waits for a person."""

    type: ClassVar[str] = "task.blocked"
    dependency: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReady(TaskEvent):
    """The task became claimable, and no other event of it says so."""

    type: ClassVar[str] = "task.ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDeleted(TaskEvent):
    """The task was removed; `reason` is `requested`, `purged` or `retention`."""

    type: ClassVar[str] = "task.deleted"
    reason: str


class QuestionEvent(Happening):
    """Something that happened to a question; its task is the event's task."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAsked(QuestionEvent):
    """The holder of a task asks a person. The text is not repeated here."""

    type: ClassVar[str] = "question.asked"
    question: int
    kind: str
    instance: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered(QuestionEvent):
    """A person answered; `answer` is the beginning of it, `instance` the one that asked."""

    type: ClassVar[str] = "question.answered"
    question: int
    kind: str
    instance: str
    answer: str
    answered_by: str
    answered_via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionWithdrawn(QuestionEvent):
    """Nobody waits for an answer any more; `reason` is the type of the task's event that ended it.

    Without a reason the asker itself no longer needs it.
    """

    type: ClassVar[str] = "question.withdrawn"
    question: int
    kind: str
    instance: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Happening):
    """A person wrote to a task: to `instance`, which holds it, or as the start of `follow_up`."""

    type: ClassVar[str] = "message.sent"
    message: int
    instance: str | None
    follow_up: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOnline(Happening):
    """An instance was seen for the first time, or again after a silence."""

    type: ClassVar[str] = "instance.online"
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOffline(Happening):
    """An instance was not seen for three minutes."""

    type: ClassVar[str] = "instance.offline"
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSick(Happening):
    """An instance reported that it cannot work, or not on these `projects`, and why."""

    type: ClassVar[str] = "instance.sick"
    instance: str
    message: str | None
    projects: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceWell(Happening):
    """An instance that could not work reported that it can again."""

    type: ClassVar[str] = "instance.well"
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePaused(Happening):
    """Nothing of the project or instance (neither: of anything) is claimed from now on."""

    type: ClassVar[str] = "queue.paused"
    project: str | None
    instance: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueResumed(Happening):
    """The pause of the project or instance (neither: of everything) is over."""

    type: ClassVar[str] = "queue.resumed"
    project: str | None
    instance: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated(Happening):
    """A key came into being."""

    type: ClassVar[str] = "key.created"
    key_id: int
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked(Happening):
    """A key is no longer valid."""

    type: ClassVar[str] = "key.revoked"
    key_id: int
    name: str
