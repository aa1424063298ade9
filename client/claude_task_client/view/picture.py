"""What the view knows of Athena, and what of it an event puts in question."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from claude_task_client import output
from claude_task_client.wire import Event, Instance, Question, Stats, Task, Why

RUNNING_MAX: Final = 100
ENDED_MAX: Final = 50
QUESTIONS_MAX: Final = 50
INSTANCES_MAX: Final = 200
EVENTS_MAX: Final = 200
# Of the pending tasks the first ones; more of them once somebody goes there, a page at most.
PENDING_FIRST: Final = 50
PENDING_MAX: Final = 500
# A list shows a line of a text; the whole is asked for when somebody looks at the task.
EXCERPT_CHARACTERS_MAX: Final = 400


class Part(Enum):
    """What is asked for in one request."""

    RUNNING = auto()
    QUESTIONS = auto()
    PENDING = auto()
    ENDED = auto()
    INSTANCES = auto()
    STATS = auto()
    WHY = auto()


EVERYTHING: Final = frozenset(Part)
_QUEUE: Final = frozenset({Part.PENDING, Part.STATS, Part.WHY})
_MOVED: Final = _QUEUE | {Part.RUNNING, Part.INSTANCES}
_ENDED: Final = _MOVED | {Part.ENDED, Part.QUESTIONS}

# One task's event may change others as well: those behind it in its lane, those that wait for it.
_IN_QUESTION: Final[Mapping[str, frozenset[Part]]] = {
    "task.submitted": _QUEUE,
    "task.changed": _QUEUE | {Part.RUNNING},
    "task.blocked": _QUEUE,
    "task.ready": _QUEUE,
    "task.claimed": _MOVED,
    "task.progressed": frozenset({Part.RUNNING}),
    "task.released": _MOVED,
    "task.parked": _MOVED,
    "task.expired": _MOVED | {Part.QUESTIONS},
    "task.will_retry": _MOVED | {Part.QUESTIONS},
    "task.completed": _ENDED,
    "task.failed": _ENDED,
    "task.cancelled": _ENDED,
    "task.retried": _QUEUE | {Part.ENDED},
    "task.deleted": _QUEUE | {Part.ENDED},
    "question.asked": frozenset({Part.QUESTIONS}),
    "question.answered": frozenset({Part.QUESTIONS, Part.PENDING, Part.WHY}),
    "question.withdrawn": frozenset({Part.QUESTIONS}),
    "queue.paused": frozenset({Part.WHY}),
    "queue.resumed": frozenset({Part.WHY}),
    "reset": EVERYTHING,
}
_OF_INSTANCES: Final = frozenset({Part.INSTANCES, Part.WHY})


def in_question(event: Event) -> frozenset[Part]:
    """What may be different after the event."""
    if event.type.startswith("instance."):
        return _OF_INSTANCES
    known = _IN_QUESTION.get(event.type)
    if known is not None:
        return known
    # A newer Athena may tell of more that can happen to a task.
    return _ENDED if event.type.startswith("task.") else frozenset()


@dataclass(slots=True)
class Picture:
    """How everything stood when it was last asked for; every list in it is bounded."""

    running: tuple[Task, ...] = ()
    running_goes_on: bool = False
    pending: tuple[Task, ...] = ()
    pending_goes_on: bool = False
    pending_wanted: int = PENDING_FIRST
    ended: tuple[Task, ...] = ()
    questions: tuple[Question, ...] = ()
    questions_go_on: bool = False
    instances: tuple[Instance, ...] = ()
    stats: Stats | None = None
    reasons: dict[int, Why] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_MAX))
    search: str | None = None

    def want_more(self) -> bool:
        """Ask for more of the pending tasks from now on; whether there are any to ask for."""
        if not self.pending_goes_on or self.pending_wanted >= PENDING_MAX:
            return False
        self.pending_wanted = min(self.pending_wanted * 3, PENDING_MAX)
        return True

    def move_on(self, event: Event) -> bool:
        """Take the progress that an event tells of; False where the task has to be asked for.

        A request for each event would be too many: of a hundred workers many speak each second.
        """
        if event.type != "task.progressed" or event.data.get("phase") == "waiting":
            return False
        known = next((task for task in self.running if task.id == event.task_id), None)
        if known is None or known.attempt != event.data.get("attempt"):
            return False
        if event.at is not None and known.updated_at is not None and event.at < known.updated_at:
            return True
        moved = _moved(known, event)
        self.running = tuple(moved if task is known else task for task in self.running)
        return True


def _moved(task: Task, event: Event) -> Task:
    told = {"percent": event.data.get("percent"), "message": event.data.get("message")}
    phase = event.data.get("phase")
    json = {"id": task.id, "progress": told}
    return replace(
        task,
        progress=Task.read(json).progress,
        phase=phase if isinstance(phase, str) else task.phase,
        updated_at=event.at or task.updated_at,
    )


def slim(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks without what a list does not show: texts of any length."""
    return tuple(
        replace(
            task,
            raw={},
            description=output.line(task.description, EXCERPT_CHARACTERS_MAX),
            notes=None,
            error=task.error and output.line(task.error, EXCERPT_CHARACTERS_MAX),
            result=task.result and replace(task.result, raw={}, output=None),
            metadata={},
        )
        for task in tasks
    )
