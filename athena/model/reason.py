"""Why a task is not running."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from athena.model.task import Readiness


class ReasonCode(StrEnum):
    """What can hold a pending task."""

    SCHEDULED = "scheduled"
    BLOCKED_BY = "blocked_by"
    LANE_BUSY = "lane_busy"
    QUESTION_OPEN = "question_open"
    PARKED_UNTIL = "parked_until"
    NO_INSTANCE_SERVES = "no_instance_serves"
    ALL_BUSY = "all_busy"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds a task, with a sentence for a person."""

    code: ReasonCode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Readiness, place in the queue from 1 (None: not pending), and each reason, if any."""

    readiness: Readiness | None
    position: int | None
    reasons: tuple[Reason, ...] = ()
