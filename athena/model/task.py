"""What a task is: the specification's public fields, and the facts the queue keeps beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NewType

from athena.model import limits
from athena.model.lifecycle import Status

TaskId = NewType("TaskId", int)
Metadata = Mapping[str, object]


class Priority(StrEnum):
    """How much a task matters; `rank` 0 comes first."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """The place in the order of claiming, as the store keeps it."""
        return _RANK[self]


_RANK: Final = {priority: rank for rank, priority in enumerate(Priority)}
PRIORITY_OF_RANK: Final = tuple(Priority)


class Phase(StrEnum):
    """What the holder of a task in progress is at."""

    WORKING = "working"
    WAITING = "waiting"
    AUDITING = "auditing"
    TESTING = "testing"
    COMMITTING = "committing"


class Readiness(StrEnum):
    """Whether a pending task can be claimed now, and if not, what holds it first."""

    READY = "ready"
    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    HELD = "held"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the holder is, in its own words."""

    percent: int | None = None
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A unit of work in words, for Claude.

    Without slots, unlike the other values here: `replace` below needs a `__dict__`.

    The second group of fields is the queue's own and never leaves the server:

    - `submitter`: who submitted it, as `kind:name` (`discord:80351110224678912`)
    - `cost_usd`: what all its attempts have cost so far, as far as they said
    - `lease`: the length asked for; `lease_deadline`: its end on the steady clock
    - `late_holder`: who may still complete it although its lease ran out
    - `unmet`: how many of its dependencies are not completed; `dependencies`: how many it has
    - `affinity`: the instance that gets it back first, until `affinity_until`
    - `asker`: the instance that has asked the task's open questions; None where none is open
    - `parked_question`: the open question that the parked task waits for
    - `offered_to`: the instance or label that the claim index finds it under; None is everybody
    - `due_at`: when time alone changes its readiness or its offer
    """

    id: TaskId
    description: str
    status: Status
    priority: Priority
    project: str | None
    target: str | None
    lane: str | None
    created_at: datetime
    created_by: str | None
    created_via: str
    updated_at: datetime
    not_before: datetime | None
    depends_on: tuple[TaskId, ...] = ()
    blocked_by: tuple[TaskId, ...] = ()
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    lease_expires_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    max_attempts: int = 3
    readiness: Readiness | None = None
    phase: Phase | None = None
    progress: Progress | None = None
    notes: str | None = None
    error: str | None = None
    result: Mapping[str, object] | None = None
    completed_at: datetime | None = None
    session_id: str | None = None
    continues: str | None = None
    metadata: Metadata = field(default_factory=dict)

    submitter: str = ""
    cost_usd: float | None = None
    lease: timedelta | None = None
    lease_deadline: timedelta | None = None
    late_holder: str | None = None
    unmet: int = 0
    dependencies: int = 0
    affinity: str | None = None
    affinity_until: datetime | None = None
    parked_until: datetime | None = None
    asker: str | None = None
    parked_question: int | None = None
    offered_to: str | None = None
    due_at: datetime | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the task waits in the queue."""
        return self.status is Status.PENDING

    @property
    def is_running(self) -> bool:
        """Whether an instance holds the task."""
        return self.status is Status.IN_PROGRESS


if TYPE_CHECKING:
    # By its own name, so that the type checker knows it and checks the changes.
    from dataclasses import replace as replace  # noqa: PLC0414

    task_of = Task
else:
    # A task has more than forty fields, and is made and copied at each step of each request. The
    # ways of a frozen dataclass set them one by one: 5 and 9 µs, where these take 1.5 and 1.

    def task_of(**values: Any) -> Task:
        """The task with these fields, which must be all that there are."""
        task = object.__new__(Task)
        vars(task).update(values)
        return task

    def replace(task: Task, **changes: Any) -> Task:
        """The task with some of its fields changed."""
        copy = object.__new__(Task)
        vars(copy).update(vars(task), **changes)
        return copy


def cost_usd_of(result: Mapping[str, object] | None) -> float | None:
    """What the work cost, where the result says so in a number that can be added up."""
    cost = (result or {}).get("total_cost_usd")
    if isinstance(cost, bool) or not isinstance(cost, (int, float)):
        return None
    # The comparison also leaves out what is not a number, endless, or too long for a float.
    return float(cost) if 0 <= cost <= limits.COST_USD_MAX else None
