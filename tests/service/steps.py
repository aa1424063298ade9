"""What can be done to a queue, done to Athena and to the reference alike."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from athena.model.errors import AthenaError
from athena.model.task import PRIORITY_OF_RANK, Task, TaskId
from tests import postgres
from tests.service.driver import QueueDriver, finish
from tests.service.reference import Reference, RefTask, Refused
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES, Engine

T = TypeVar("T")

LABELS = {"pi": ("gpu",), "mac": (), "win": ("gpu", "x86")}
INSTANCES = st.sampled_from(sorted(LABELS))
PROJECTS = st.sampled_from([None, "athena", "other"])
TARGETS = st.sampled_from([None, None, "pi", "gpu", "x86", "nobody"])
LANES = st.sampled_from([None, "deploy", "docs"])
SECONDS = st.sampled_from([0, 1, 30, 600, 3600])
WHICH = st.integers(min_value=0, max_value=999)
FOLLOWING = {"task.ready", "task.blocked", "question.withdrawn"}
ATTEMPTS = st.sampled_from(["own", "own", "none", "wrong"])


class QueueSteps(RuleBasedStateMachine):
    """Every step picks at random, and compares the answers or the refusals."""

    engine: ClassVar[Engine] = ENGINES["sqlite"]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="athena-machine-"))
        self.clock = ManualClock()
        self.store = self.engine.build(self.folder, self.clock)
        self.run(self.store.open())
        self.queue = self.run(self._driver())
        self.reference = Reference(LABELS)

    async def _driver(self) -> QueueDriver:
        return QueueDriver(self.store, self.clock)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)
        postgres.end_test()

    @initialize()
    def everybody_announces_itself(self) -> None:
        for instance, labels in LABELS.items():
            self.run(self.queue.announce(instance, labels=labels))

    # --- helpers ------------------------------------------------------------------------------

    def pick(self, which: int) -> RefTask:
        tasks = list(self.reference.tasks.values())
        return tasks[which % len(tasks)]

    def real(self, task: RefTask) -> Task:
        return self.run(self.queue.services.tasks.get(TaskId(task.id)))

    def both(
        self, task: RefTask, expected: Any, actual: Coroutine[Any, Any, Any], *, events: int = 1
    ) -> None:
        """Do it on both sides: both accept it, with so many events, or both refuse it alike."""
        before = len(self.story(task.id))
        first_time: object = None
        wanted: str | None = None
        try:
            first_time = expected()
        except Refused as refused:
            wanted = refused.code
        assert self.refusal_of(actual) == wanted, f"#{task.id}"
        told = 0 if wanted or first_time is False else events
        assert len(self.story(task.id)) == before + told
        self.reference.settle()

    def refusal_of(self, actual: Coroutine[Any, Any, Any]) -> str | None:
        """The code of the refusal; what is answered instead is what is stored."""
        try:
            answer = self.run(actual)
        except AthenaError as error:
            return error.code
        if isinstance(answer, Task):
            assert answer == self.run(self.queue.get(answer))
        return None

    def story(self, task_id: int) -> list[str]:
        events = self.run(self.queue.services.tasks.events(TaskId(task_id), limit=500)).items
        # What follows from elsewhere is told apart from what was done.
        return [e.type for e in events if e.type not in FOLLOWING]

    def attempt(self, task: RefTask, said: str) -> int | None:
        return {"own": task.attempt, "none": None, "wrong": task.attempt + 1}[said]

    # --- people -------------------------------------------------------------------------------

    @rule(
        priority=st.integers(0, 3),
        project=PROJECTS,
        meant_for=TARGETS,
        lane=LANES,
        depends_on=st.lists(WHICH, max_size=2),
        wait=st.sampled_from([None, None, None, 0, 30, 3600]),
        max_attempts=st.integers(1, 3),
    )
    def submit(
        self,
        priority: int,
        project: str | None,
        meant_for: str | None,
        lane: str | None,
        depends_on: list[int],
        wait: float | None,
        max_attempts: int,
    ) -> None:
        wanted = {self.pick(n).id for n in depends_on} if self.reference.tasks else set()
        task = self.run(
            self.queue.submit(
                priority=PRIORITY_OF_RANK[priority],
                project=project,
                target=meant_for,
                lane=lane,
                depends_on=[TaskId(n) for n in wanted],
                not_before=None if wait is None else self.clock.now() + timedelta(seconds=wait),
                max_attempts=max_attempts,
            )
        )
        expected = self.reference.submit(
            priority=priority,
            project=project,
            target=meant_for,
            lane=lane,
            depends_on=wanted,
            not_before=None if wait is None else self.reference.wall + wait,
            max_attempts=max_attempts,
        )
        assert task.id == expected.id
        self.reference.settle()

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        task = self.pick(which)
        self.both(task, lambda: self.reference.cancel(task), self.queue.cancel(self.real(task)))

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH)
    def retry(self, which: int) -> None:
        task = self.pick(which)
        self.both(task, lambda: self.reference.retry(task), self.queue.retry(self.real(task)))

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        task = self.pick(which)
        self.both(task, lambda: self.reference.delete(task), self.queue.delete(self.real(task)))

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, wait=st.sampled_from([None, 0, 30, 3600]))
    def put_off(self, which: int, wait: float | None) -> None:
        task = self.pick(which)
        wall = None if wait is None else self.reference.wall + wait
        same = task.not_before == wall

        def expected() -> bool:
            self.reference.check_change(task)
            task.not_before = wall
            return not same

        until = None if wait is None else self.clock.now() + timedelta(seconds=wait)
        self.both(task, expected, self.queue.change(self.real(task), not_before=until))

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, meant_for=TARGETS, project=PROJECTS, priority=st.integers(0, 3))
    def redirect(
        self, which: int, meant_for: str | None, project: str | None, priority: int
    ) -> None:
        task = self.pick(which)
        new = (meant_for, project, priority)
        same = (task.target, task.project, task.priority) == new

        def expected() -> bool:
            self.reference.check_change(task)
            if task.target != meant_for:
                task.affinity = task.affinity_until = None
            task.target, task.project, task.priority = new
            return not same

        change = self.queue.change(
            self.real(task), target=meant_for, project=project, priority=PRIORITY_OF_RANK[priority]
        )
        self.both(task, expected, change)

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, others=st.lists(WHICH, max_size=2))
    def depend(self, which: int, others: list[int]) -> None:
        task = self.pick(which)
        wanted = {self.pick(n).id for n in others}
        same = wanted == task.depends_on

        def expected() -> bool:
            self.reference.depend(task, wanted)
            return not same

        depends_on = tuple(TaskId(n) for n in wanted)
        self.both(task, expected, self.queue.change(self.real(task), depends_on=depends_on))

    @rule(project=PROJECTS, instance=st.one_of(st.none(), INSTANCES))
    def pause(self, project: str | None, instance: str | None) -> None:
        self.run(self.queue.pause(project=project, instance=instance))
        self.reference.pauses.add((project, instance))

    @precondition(lambda self: self.reference.pauses)
    @rule()
    def resume_all(self) -> None:
        for project, instance in self.reference.pauses:
            self.run(self.queue.resume(project=project, instance=instance))
        self.reference.pauses.clear()

    # --- instances ----------------------------------------------------------------------------

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, instance=INSTANCES)
    def claim(self, which: int, instance: str) -> None:
        task = self.pick(which)
        self.both(
            task,
            lambda: self.reference.claim(task, instance),
            self.queue.claim(self.real(task), by=instance),
        )

    @rule(
        instance=INSTANCES,
        projects=st.sampled_from([None, None, ("athena",), ("athena", "other")]),
    )
    def claim_next(self, instance: str, projects: tuple[str, ...] | None) -> None:
        expected = self.reference.next_for(instance, projects)
        claimed = self.run(self.queue.claim_next(instance, projects=projects))
        assert (claimed and claimed.id) == (expected and expected.id)
        assert claimed is None or claimed == self.run(self.queue.get(claimed))
        if expected is not None:
            self.reference.take(expected, instance)
        self.reference.settle()

    @precondition(lambda self: any(t.holder for t in self.reference.tasks.values()))
    @rule(which=WHICH)
    def finish_and_claim(self, which: int) -> None:
        held = [t for t in self.reference.tasks.values() if t.status == "in_progress"]
        if not held:
            return
        task = held[which % len(held)]
        instance = task.holder or ""
        real = self.real(task)
        self.reference.complete(task, instance, task.attempt)
        self.reference.settle()
        expected = self.reference.next_for(instance, None)
        claimed = self.run(self.queue.claim_next(instance, finish=finish(real)))
        assert (claimed and claimed.id) == (expected and expected.id)
        if expected is not None:
            self.reference.take(expected, instance)
        self.reference.settle()

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, instance=INSTANCES, attempt=ATTEMPTS, holder=st.booleans())
    def complete(self, which: int, instance: str, attempt: str, holder: bool) -> None:
        task = self.pick(which)
        who, number = self.who(task, instance, holder), self.attempt(task, attempt)
        self.both(
            task,
            lambda: self.reference.complete(task, who, number),
            self.queue.complete(self.real(task), who, attempt=number),
        )

    def who(self, task: RefTask, instance: str, holder: bool) -> str:
        """Mostly whoever has something to say about the task."""
        return (task.holder or task.late_holder or instance) if holder else instance

    @precondition(lambda self: self.reference.tasks)
    @rule(
        which=WHICH,
        instance=INSTANCES,
        attempt=ATTEMPTS,
        holder=st.booleans(),
        for_good=st.booleans(),
    )
    def fail(self, which: int, instance: str, attempt: str, holder: bool, for_good: bool) -> None:
        task = self.pick(which)
        who, number = self.who(task, instance, holder), self.attempt(task, attempt)
        self.both(
            task,
            lambda: self.reference.fail(task, who, number, for_good=for_good),
            self.queue.fail(self.real(task), who, attempt=number, for_good=for_good),
        )

    @precondition(lambda self: self.reference.tasks)
    @rule(
        which=WHICH,
        instance=INSTANCES,
        attempt=ATTEMPTS,
        holder=st.booleans(),
        way=st.sampled_from(["progress", "renew", "release"]),
    )
    def report(self, which: int, instance: str, attempt: str, holder: bool, way: str) -> None:
        task = self.pick(which)
        who, number = self.who(task, instance, holder), self.attempt(task, attempt)
        said = {"percent": 7} if way == "progress" else {}
        self.both(
            task,
            lambda: getattr(self.reference, way)(task, who, number),
            getattr(self.queue, way)(self.real(task), who, attempt=number, **said),
            events=0 if way == "renew" else 1,
        )

    @precondition(lambda self: self.reference.tasks)
    @rule(which=WHICH, instance=INSTANCES, attempt=ATTEMPTS, holder=st.booleans(), seconds=SECONDS)
    def park(self, which: int, instance: str, attempt: str, holder: bool, seconds: float) -> None:
        task = self.pick(which)
        who, number = self.who(task, instance, holder), self.attempt(task, attempt)
        until = self.clock.now() + timedelta(seconds=seconds)
        self.both(
            task,
            lambda: self.reference.park(task, who, number, seconds),
            self.queue.park(self.real(task), who, attempt=number, until=until),
        )

    # --- time ---------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 29, 30, 599, 600, 3600, 7200]))
    def time_goes_by(self, seconds: int) -> None:
        self.reference.wall += seconds
        self.reference.steady += seconds
        self.reference.sweep()
        self.run(self.queue.advance(seconds=seconds))

    @rule(seconds=st.sampled_from([60, 86_400]))
    def wall_clock_is_set_forward(self, seconds: int) -> None:
        self.reference.wall += seconds
        self.reference.sweep()
        self.clock.step_wall(timedelta(seconds=seconds))
        self.run(self.queue.sweep())

    @rule()
    def server_starts_anew(self) -> None:
        """What is acknowledged stays; every held task gets one fresh lease.

        Not where others may have served meanwhile: there nobody's lease needs to be renewed.
        """
        self.run(self.store.close())
        self.store = self.engine.build(self.folder, self.clock)
        self.run(self.store.open())
        self.queue = self.run(self._driver())
        self.run(self.queue.services.feed.catch_up())
        if self.store.is_shared:
            return
        for task in self.reference.tasks.values():
            if task.lease_ends is not None:
                task.lease_ends = self.reference.steady + 7200
