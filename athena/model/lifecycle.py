"""The life of a task: which action leads from which status to which, and the event that says so.

Whoever moves a task asks this one table for the status; the diagram in the documentation is its
picture, and a test holds the events that are written against it.
Source: specification, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from athena.model import event
from athena.model.errors import InvalidTransition


class Status(StrEnum):
    """Where a task is in its life."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens to the task unless a person retries it."""
        return self in ENDED


ENDED: Final = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
OPEN: Final = frozenset({Status.PENDING, Status.IN_PROGRESS})


class Action(StrEnum):
    """What can be done to a task, as the word for what it then was."""

    CHANGE = "changed"
    CLAIM = "claimed"
    PROGRESS = "reported on"
    RELEASE = "released"
    PARK = "parked"
    EXPIRE = "expired"
    EXPIRE_FOR_GOOD = "expired for good"
    COMPLETE = "completed"
    COMPLETE_LATE = "completed late"
    FAIL = "failed"
    FAIL_AND_RETRY = "failed and tried again"
    CANCEL = "cancelled"
    RETRY = "retried"
    DELETE = "deleted"


@dataclass(frozen=True, slots=True)
class Move:
    """The status an action leads to (None: the task is gone), and the type of its event."""

    to: Status | None
    event: type[event.TaskEvent]


TRANSITIONS: Final[Mapping[tuple[Status, Action], Move]] = {
    (Status.PENDING, Action.CHANGE): Move(Status.PENDING, event.TaskChanged),
    (Status.PENDING, Action.CLAIM): Move(Status.IN_PROGRESS, event.TaskClaimed),
    (Status.PENDING, Action.COMPLETE_LATE): Move(Status.COMPLETED, event.TaskCompleted),
    (Status.PENDING, Action.CANCEL): Move(Status.CANCELLED, event.TaskCancelled),
    (Status.PENDING, Action.DELETE): Move(None, event.TaskDeleted),
    (Status.IN_PROGRESS, Action.CHANGE): Move(Status.IN_PROGRESS, event.TaskChanged),
    (Status.IN_PROGRESS, Action.PROGRESS): Move(Status.IN_PROGRESS, event.TaskProgressed),
    (Status.IN_PROGRESS, Action.RELEASE): Move(Status.PENDING, event.TaskReleased),
    (Status.IN_PROGRESS, Action.PARK): Move(Status.PENDING, event.TaskParked),
    (Status.IN_PROGRESS, Action.EXPIRE): Move(Status.PENDING, event.TaskExpired),
    (Status.IN_PROGRESS, Action.EXPIRE_FOR_GOOD): Move(Status.FAILED, event.TaskFailed),
    (Status.IN_PROGRESS, Action.COMPLETE): Move(Status.COMPLETED, event.TaskCompleted),
    (Status.IN_PROGRESS, Action.FAIL): Move(Status.FAILED, event.TaskFailed),
    (Status.IN_PROGRESS, Action.FAIL_AND_RETRY): Move(Status.PENDING, event.TaskWillRetry),
    (Status.IN_PROGRESS, Action.CANCEL): Move(Status.CANCELLED, event.TaskCancelled),
    (Status.COMPLETED, Action.RETRY): Move(Status.PENDING, event.TaskRetried),
    (Status.COMPLETED, Action.DELETE): Move(None, event.TaskDeleted),
    (Status.FAILED, Action.COMPLETE_LATE): Move(Status.COMPLETED, event.TaskCompleted),
    (Status.FAILED, Action.RETRY): Move(Status.PENDING, event.TaskRetried),
    (Status.FAILED, Action.DELETE): Move(None, event.TaskDeleted),
    (Status.CANCELLED, Action.RETRY): Move(Status.PENDING, event.TaskRetried),
    (Status.CANCELLED, Action.DELETE): Move(None, event.TaskDeleted),
}


def move_for(status: Status, action: Action) -> Move:
    """The move that `action` makes from `status`.

    Raises: InvalidTransition, where the table has none.
    """
    move = TRANSITIONS.get((status, action))
    if move is None:
        raise InvalidTransition(f"A task that is {status.value} cannot be {action.value}.")
    return move


def status_after(status: Status, action: Action) -> Status:
    """As `move_for`, for the actions that leave a task behind."""
    to = move_for(status, action).to
    if to is None:
        raise InvalidTransition(f"{action.value} leaves no task behind.")
    return to
