"""Athena against a second, plain queue: whatever is done, in whatever order, both agree.

`pytest tests/service/test_state_machine.py --hypothesis-profile deep` looks much longer.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant

from athena.model.task import Task, TaskId
from tests.service.question_steps import QuestionSteps
from tests.service.reference import RefTask
from tests.service.steps import LABELS
from tests.store.clock import START, ManualClock
from tests.store.engines import ENGINES

# What may follow what, from the specification's picture; the key is where the task is.
LEGAL = {
    "": {"submitted": "pending"},
    "pending": {
        "changed": "pending",
        "ready": "pending",
        "blocked": "pending",
        "claimed": "in_progress",
        "question.answered": "pending",
        "question.withdrawn": "pending",
        "completed": "completed",  # late
        "cancelled": "cancelled",
        "deleted": "gone",
    },
    "in_progress": {
        "changed": "in_progress",
        "progressed": "in_progress",
        "question.asked": "in_progress",
        "question.answered": "in_progress",
        "question.withdrawn": "in_progress",
        "released": "pending",
        "parked": "pending",
        "expired": "pending",
        "will_retry": "pending",
        "completed": "completed",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    "completed": {"retried": "pending", "deleted": "gone", "question.withdrawn": "completed"},
    "failed": {
        "retried": "pending",
        "deleted": "gone",
        "completed": "completed",  # late, after an expiry
        "changed": "failed",  # a late failure's reason
        "question.withdrawn": "failed",
    },
    "cancelled": {"retried": "pending", "deleted": "gone", "question.withdrawn": "cancelled"},
}


class QueueMachine(QuestionSteps):
    """Random lives of tasks, and what must hold after every step of them."""

    def __init__(self) -> None:
        super().__init__()
        self.events_seen = 0
        self.places: dict[int, str] = {}
        self.attempts: dict[int, int] = {}

    @invariant()
    def tasks_are_those_of_the_reference(self) -> None:
        tasks = self.run(self.queue.listed())
        assert {task.id for task in tasks} == set(self.reference.tasks)
        for task in tasks:
            expected = self.reference.tasks[task.id]
            assert _facts_of(task) == self._facts_of_reference(expected), f"#{task.id}"

    def _facts_of_reference(self, task: RefTask) -> dict[str, object]:
        pending = task.status == "pending"
        return {
            "status": task.status,
            "readiness": self.reference.readiness(task),
            "holder": task.holder,
            "attempt": task.attempt,
            "failures": task.failures,
            "not_before": task.not_before,
            "blocked_by": self.reference.unmet(task),
            "offered_to": self.reference.offered_to(task) if pending else None,
            "lease_ends": None if task.lease_ends is None else task.lease_ends,
        }

    @invariant()
    def one_of_a_lane_is_in_progress(self) -> None:
        running = Counter(
            task.lane
            for task in self.reference.tasks.values()
            if task.status == "in_progress" and task.lane
        )
        assert all(number == 1 for number in running.values())

    @invariant()
    def everybody_would_get_the_best(self) -> None:
        for instance in LABELS:
            expected = self.reference.next_for(instance, None)
            assert self.run(self.queue.next_for(instance)) == (expected and expected.id)

    @invariant()
    def figures_equal_the_list(self) -> None:
        stats = self.run(self.queue.services.stats.read())
        counted = Counter(task.status for task in self.reference.tasks.values())
        assert {s.value: n for s, n in stats.by_status.items() if n} == counted
        pending = [t.priority for t in self.reference.tasks.values() if t.status == "pending"]
        assert {p.rank: n for p, n in stats.by_priority.items() if n} == Counter(pending)

    @invariant()
    def every_pending_task_knows_why(self) -> None:
        for task in self.reference.tasks.values():
            why = self.run(self.queue.services.tasks.why(TaskId(task.id)))
            assert (why.readiness and why.readiness.value) == self.reference.readiness(task)
            if why.readiness is not None and why.readiness.value != "ready":
                assert why.reasons, f"#{task.id} waits without a reason"

    @invariant()
    def events_form_legal_paths(self) -> None:
        for event in self.run(self.queue.services.feed.read(self.events_seen, limit=10_000)):
            assert event.id == self.events_seen + 1
            self.events_seen = event.id
            if event.task_id is None:
                continue
            place = self.places.get(event.task_id, "")
            kind = event.type.removeprefix("task.")
            assert kind in LEGAL[place], f"#{event.task_id}: {kind} while {place}"
            self.places[event.task_id] = LEGAL[place][kind]
            if kind == "claimed":
                attempt = self.attempts.get(event.task_id, 0) + 1
                assert event.data["attempt"] == attempt
                self.attempts[event.task_id] = attempt
        for task in self.reference.tasks.values():
            assert self.places[task.id] == task.status


def _facts_of(task: Task) -> dict[str, object]:
    at = task.not_before
    return {
        "status": task.status.value,
        "readiness": task.readiness and task.readiness.value,
        "holder": task.claimed_by,
        "attempt": task.attempt,
        "failures": task.failures,
        "not_before": None if at is None else (at - START).total_seconds(),
        "blocked_by": set(task.blocked_by),
        "offered_to": task.offered_to,
        "lease_ends": None
        if task.lease_deadline is None
        else (task.lease_deadline - ManualClock().steady()).total_seconds(),
    }


QUICK = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
DEEP = settings(QUICK, max_examples=400, stateful_step_count=120)


class PostgresQueueMachine(QueueMachine):
    """The same lives on PostgreSQL; each costs several times as much there."""

    engine = ENGINES["postgres"]


IS_DEEP = settings.get_current_profile_name() == "deep"
TestQueue = QueueMachine.TestCase
TestQueue.settings = DEEP if IS_DEEP else QUICK
TestQueueOnPostgres = PostgresQueueMachine.TestCase
TestQueueOnPostgres.settings = DEEP if IS_DEEP else settings(QUICK, max_examples=8)
