"""Every refusal of Athena, as one tree: the edges translate it, nothing else catches it.

The docstring of a leaf is the sentence a person reads when the raiser has nothing better to say;
`code` is the stable word of the REST API (specification, section 4).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class AthenaError(Exception):
    """Athena could not do this."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        super().__init__(self.detail)


class NotFound(AthenaError):
    """There is nothing here by that name."""

    code = "not_found"


class TaskNotFound(NotFound):
    """There is no such task."""

    code = "task_not_found"


class KeyNotFound(NotFound):
    """There is no such key."""

    code = "key_not_found"


class SessionNotFound(NotFound):
    """There is no such session."""

    code = "session_not_found"


class QuestionNotFound(NotFound):
    """There is no such question."""

    code = "question_not_found"


class Conflict(AthenaError):
    """The state of things does not allow this now."""

    code = "conflict"


class AlreadyClaimed(Conflict):
    """Another instance holds this task."""

    code = "already_claimed"


class NotHolder(Conflict):
    """This instance does not hold this task, or its claim is out of date."""

    code = "not_holder"


class TaskWasCancelled(Conflict):
    """This task was cancelled: stop working on it."""

    code = "task_cancelled"


class InvalidTransition(Conflict):
    """A task in this status cannot do that."""

    code = "invalid_transition"


class TaskBlocked(Conflict):
    """A task that this one depends on is not completed."""

    code = "task_blocked"


class LaneBusy(Conflict):
    """Another task of the same lane comes first."""

    code = "lane_busy"


class WrongTarget(Conflict):
    """This task is meant for another instance or label."""

    code = "wrong_target"


class TaskScheduled(Conflict):
    """This task is not due yet."""

    code = "scheduled"


class TaskIsParked(Conflict):
    """This task is parked and waits."""

    code = "parked"


class QueueIsPaused(Conflict):
    """The queue, the project or the instance is paused."""

    code = "paused"


class HasDependents(Conflict):
    """Other tasks depend on this one: remove them first."""

    code = "has_dependents"


class AlreadyAnswered(Conflict):
    """Somebody else has answered this question first."""

    code = "already_answered"


class QuestionWasWithdrawn(Conflict):
    """This question was withdrawn: nobody waits for its answer any more."""

    code = "question_withdrawn"


class TooManyQuestions(Conflict):
    """This task has asked so many questions that no more are taken."""

    code = "too_many_questions"


class TooManyMessages(Conflict):
    """This task was sent so many messages that no more are taken."""

    code = "too_many_messages"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; `field` is its path, such as `metadata` or `finish.id`."""

    field: str
    message: str


class Invalid(AthenaError):
    """The request is not valid."""

    code = "validation_error"

    def __init__(self, detail: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or "; ".join(f"{e.field}: {e.message}" for e in errors) or None)
        self.errors = tuple(errors)


class IdempotencyKeyReused(Invalid):
    """This Idempotency-Key was already used for a different request."""

    code = "idempotency_key_reused"


class Denied(AthenaError):
    """This is not allowed."""

    code = "denied"


class Unauthorized(Denied):
    """A valid key is needed: send it as X-API-Key."""

    code = "unauthorized"


class Forbidden(Denied):
    """This key may not do that."""

    code = "forbidden"


class TooMany(AthenaError):
    """Too many requests; wait a little."""

    code = "rate_limited"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(AthenaError):
    """The store cannot do this at the moment; nothing was changed. Try again."""

    code = "unavailable"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
