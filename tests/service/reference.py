"""The queue of the specification, section 3, in plain Python: slow, small, and written apart.

It is what `test_state_machine.py` compares Athena with. Nothing here looks at how Athena does it:
readiness is worked out anew from the facts each time, by looking at all tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

DEFAULT_LEASE = 7200
AFFINITY = 600
FIRST_WAIT, LONGEST_WAIT = 30, 3600


class Refused(Exception):
    """The code of a refusal."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass
class RefQuestion:
    """A question; `status` is open, answered or withdrawn."""

    task: int
    instance: str
    status: str = "open"

    @property
    def is_open(self) -> bool:
        return self.status == "open"


@dataclass
class RefTask:
    """A task; times are seconds of the wall clock, the lease's end one of the steady clock."""

    id: int
    priority: int
    project: str | None = None
    target: str | None = None
    lane: str | None = None
    depends_on: set[int] = field(default_factory=set)
    not_before: float | None = None
    max_attempts: int = 3
    status: str = "pending"
    attempt: int = 0
    failures: int = 0
    holder: str | None = None
    lease_ends: float | None = None
    late_holder: str | None = None
    parked_until: float | None = None
    parked_question: RefQuestion | None = None
    phase: str | None = None
    affinity: str | None = None
    affinity_until: float | None = None

    @property
    def is_end(self) -> bool:
        return self.status in {"completed", "failed", "cancelled"}


class Reference:
    """All tasks, the pauses, and the two clocks."""

    def __init__(self, labels: dict[str, tuple[str, ...]]) -> None:
        self.labels = labels
        self.tasks: dict[int, RefTask] = {}
        self.questions: dict[int, RefQuestion] = {}
        self.pauses: set[tuple[str | None, str | None]] = set()
        self.wall = 0.0
        self.steady = 0.0
        self.last_id = 0

    # --- readiness --------------------------------------------------------------------------------

    def unmet(self, task: RefTask) -> set[int]:
        return {d for d in task.depends_on if self.tasks[d].status != "completed"}

    def readiness(self, task: RefTask) -> str | None:
        if task.status != "pending":
            return None
        return self._own_gate(task) or ("ready" if self._is_head(task) else "held")

    def _own_gate(self, task: RefTask) -> str | None:
        if task.parked_until is not None and task.parked_until > self.wall:
            return "parked"
        if task.parked_question is not None and task.parked_question.is_open:
            return "parked"
        if self.unmet(task):
            return "blocked"
        if task.not_before is not None and task.not_before > self.wall:
            return "scheduled"
        return None

    def _is_head(self, task: RefTask) -> bool:
        """At most one of a lane at a time; whoever was started is not overtaken."""
        if task.lane is None:
            return True
        lane = sorted(
            (t for t in self.tasks.values() if t.lane == task.lane and not t.is_end),
            key=lambda t: t.id,
        )
        if any(t.status == "in_progress" for t in lane):
            return False
        head = next(t for t in lane if t.attempt > 0 or self._own_gate(t) is None)
        return head is task

    def offered_to(self, task: RefTask) -> str | None:
        return task.affinity or task.target

    def settle(self) -> None:
        """Reservations begin when a task becomes ready, and end ten minutes later."""
        for task in self.tasks.values():
            if task.status != "pending" or task.affinity is None:
                continue
            if task.affinity_until is None and self.readiness(task) == "ready":
                task.affinity_until = self.wall + AFFINITY
            if task.affinity_until is not None and task.affinity_until <= self.wall:
                task.affinity = task.affinity_until = None

    # --- who gets what ----------------------------------------------------------------------------

    def is_paused(self, task: RefTask, instance: str) -> bool:
        return any(
            project in (None, task.project) and who in (None, instance)
            for project, who in self.pauses
        )

    def fits(self, task: RefTask, instance: str) -> bool:
        return self.offered_to(task) in (None, instance, *self.labels[instance])

    def next_for(self, instance: str, projects: tuple[str, ...] | None) -> RefTask | None:
        fitting = [
            task
            for task in self.tasks.values()
            if self.readiness(task) == "ready"
            and self.fits(task, instance)
            and (projects is None or task.project in projects)
            and not self.is_paused(task, instance)
        ]
        return min(fitting, key=lambda task: (task.priority, task.id), default=None)

    # --- what can be done -------------------------------------------------------------------------

    def submit(self, **said: object) -> RefTask:
        self.last_id += 1
        task = RefTask(id=self.last_id, **said)  # type: ignore[arg-type]
        self.tasks[task.id] = task
        return task

    def claim(self, task: RefTask, instance: str) -> bool:
        """Whether this was a new claim, and no renewal."""
        if task.status == "in_progress":
            if task.holder != instance:
                raise Refused("already_claimed")
            self._renew(task)
            return False
        if task.status == "cancelled" and task.holder == instance:
            raise Refused("task_cancelled")
        if task.is_end:
            raise Refused("invalid_transition")
        if self.is_paused(task, instance):
            raise Refused("paused")
        readiness = self.readiness(task)
        if readiness != "ready":
            codes = {"blocked": "task_blocked", "held": "lane_busy"}
            raise Refused(codes.get(readiness or "", readiness or ""))
        if task.affinity not in (None, instance):
            raise Refused("parked")
        if not self.fits(task, instance):
            raise Refused("wrong_target")
        self.take(task, instance)
        return True

    def take(self, task: RefTask, instance: str) -> None:
        task.status, task.holder = "in_progress", instance
        task.attempt += 1
        task.late_holder = task.parked_until = task.affinity = task.affinity_until = None
        task.parked_question, task.phase = None, "working"
        self._withdraw(task, keep=instance)
        self._renew(task)

    def _renew(self, task: RefTask) -> None:
        task.lease_ends = self.steady + DEFAULT_LEASE

    def _check_holder(self, task: RefTask, instance: str, attempt: int | None) -> None:
        if task.status == "cancelled":
            raise Refused("task_cancelled")
        if task.status == "pending" or task.holder != instance:
            raise Refused("not_holder")
        if attempt not in (None, task.attempt):
            raise Refused("not_holder")
        if task.status != "in_progress":
            raise Refused("invalid_transition")

    def _is_late(self, task: RefTask, instance: str, attempt: int | None) -> bool:
        return (
            task.status in {"pending", "failed"}
            and task.late_holder == instance
            and attempt in (None, task.attempt)
        )

    def _end(self, task: RefTask, status: str) -> None:
        task.status, task.lease_ends, task.late_holder = status, None, None
        task.parked_until = task.affinity = task.affinity_until = None
        task.parked_question = task.phase = None
        self._withdraw(task)

    def _give_back(self, task: RefTask) -> None:
        task.status, task.holder, task.lease_ends = "pending", None, None
        task.phase = None

    def progress(self, task: RefTask, instance: str, attempt: int | None) -> None:
        self._check_holder(task, instance, attempt)
        self._renew(task)

    renew = progress

    def release(self, task: RefTask, instance: str, attempt: int | None) -> None:
        self._check_holder(task, instance, attempt)
        self._give_back(task)
        self._withdraw(task)

    def park(self, task: RefTask, instance: str, attempt: int | None, seconds: float) -> None:
        self._check_holder(task, instance, attempt)
        self._give_back(task)
        task.parked_until, task.affinity = self.wall + seconds, instance

    def complete(self, task: RefTask, instance: str, attempt: int | None) -> bool:
        """Whether this was the first time."""
        mine = task.holder == instance and attempt in (None, task.attempt)
        if task.status == "completed" and mine:
            return False
        if not self._is_late(task, instance, attempt):
            self._check_holder(task, instance, attempt)
        self._end(task, "completed")
        task.holder = instance
        return True

    def fail(self, task: RefTask, instance: str, attempt: int | None, *, for_good: bool) -> None:
        if self._is_late(task, instance, attempt):
            task.late_holder = None
            self._withdraw(task)
            return
        self._check_holder(task, instance, attempt)
        task.failures += 1
        if for_good or task.failures >= task.max_attempts:
            self._end(task, "failed")
            return
        self._give_back(task)
        self._withdraw(task)
        wait = min(FIRST_WAIT * 2 ** (task.failures - 1), LONGEST_WAIT)
        task.not_before = self.wall + wait

    def cancel(self, task: RefTask) -> None:
        if task.is_end:
            raise Refused("invalid_transition")
        self._end(task, "cancelled")

    def retry(self, task: RefTask) -> None:
        if not task.is_end:
            raise Refused("invalid_transition")
        task.status, task.holder = "pending", None
        task.failures, task.not_before = 0, None

    def delete(self, task: RefTask) -> None:
        if task.status == "in_progress":
            raise Refused("invalid_transition")
        if any(task.id in other.depends_on for other in self.tasks.values()):
            raise Refused("has_dependents")
        del self.tasks[task.id]
        for number in [n for n, q in self.questions.items() if q.task == task.id]:
            del self.questions[number]

    def check_change(self, task: RefTask) -> None:
        if task.is_end:
            raise Refused("invalid_transition")

    def depend(self, task: RefTask, depends_on: set[int]) -> None:
        self.check_change(task)
        if task.id in self._reached(depends_on):
            raise Refused("validation_error")
        task.depends_on = depends_on

    def _reached(self, start: Iterable[int]) -> set[int]:
        reached: set[int] = set()
        left = list(start)
        while left:
            one = left.pop()
            if one not in reached:
                reached.add(one)
                left += self.tasks[one].depends_on
        return reached

    # --- questions --------------------------------------------------------------------------------

    def open_of(self, task: RefTask) -> list[RefQuestion]:
        return [q for q in self.questions.values() if q.task == task.id and q.is_open]

    def _withdraw(self, task: RefTask, *, keep: str | None = None) -> None:
        """Nobody can use the answers any more, but perhaps the one who asked."""
        for question in self.open_of(task):
            if question.instance != keep:
                question.status = "withdrawn"

    def ask(self, task: RefTask, instance: str, attempt: int | None) -> None:
        self._check_holder(task, instance, attempt)
        self._renew(task)
        task.phase = "waiting"

    def park_on(
        self, task: RefTask, instance: str, attempt: int | None, question: RefQuestion
    ) -> None:
        self._check_holder(task, instance, attempt)
        if question.task != task.id:
            raise Refused("validation_error")
        self._give_back(task)
        task.parked_question, task.affinity = question, instance

    def answer(self, question: RefQuestion) -> None:
        if question.status != "open":
            codes = {"answered": "already_answered", "withdrawn": "question_withdrawn"}
            raise Refused(codes[question.status])
        self._close(question, "answered")

    def take_back(self, question: RefQuestion, instance: str) -> None:
        if question.instance != instance:
            raise Refused("not_holder")
        if question.status == "answered":
            raise Refused("already_answered")
        self._close(question, "withdrawn")

    def _close(self, question: RefQuestion, status: str) -> None:
        question.status = status
        task = self.tasks[question.task]
        if task.phase == "waiting" and not self.open_of(task):
            task.phase = "working"

    # --- time -------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Leases that ran out: a failure more, and back, or failed once attempts are used up."""
        self.settle()
        for task in self.tasks.values():
            if task.lease_ends is None or task.lease_ends > self.steady:
                continue
            holder = task.holder
            task.failures += 1
            if task.failures >= task.max_attempts:
                self._end(task, "failed")
            else:
                self._give_back(task)
            task.late_holder = holder
        self.settle()
