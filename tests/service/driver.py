"""The queue in the words of the specification, for tests: who submits, claims, ends what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from athena.background.leases import LeaseDuty
from athena.model.event import Actor, ActorKind, Event
from athena.model.instance import Asker
from athena.model.lifecycle import Status
from athena.model.message import Sent
from athena.model.page import TaskFilter
from athena.model.pause import Pause
from athena.model.question import Question, QuestionFilter, QuestionStatus
from athena.model.reason import Why
from athena.model.task import Phase, Priority, Progress, Readiness, Task, TaskId
from athena.service.claims import Finish
from athena.service.drafts import Changes, Draft
from athena.service.instances import Heartbeat, HeartbeatAnswer
from athena.service.once import Once
from athena.service.questions import QuestionDraft
from athena.service.services import Services, build_services
from athena.store.base import Store
from tests.store.clock import ManualClock

ALICE: Final = Actor(ActorKind.KEY, "alice")
WORKER: Final = Actor(ActorKind.KEY, "worker")
_EVERYTHING: Final = 500


@dataclass(frozen=True, slots=True)
class _Own:
    """The type of `OWN`."""


# The attempt that the task given to the driver says, as a client remembers it.
OWN: Final = _Own()


class QueueDriver:
    """All services on one store; time goes by only when told."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.services: Services = build_services(
            store, clock, lease=timedelta(hours=2), max_attempts=3, version="0"
        )
        self._leases = LeaseDuty(self.services.sweeping)

    # --- people -----------------------------------------------------------------------------------

    async def submit(
        self, description: str = "Deploy new service", *, once: Once | None = None, **said: Any
    ) -> Task:
        """Queue a task; dependencies may be given as tasks."""
        if "depends_on" in said:
            said["depends_on"] = tuple(_id(one) for one in said["depends_on"])
        draft = Draft(description=description, **said)
        return await self.services.tasks.submit(draft, by=ALICE, once=once)

    async def change(self, task: Task, **changes: Any) -> Task:
        if "depends_on" in changes:
            changes["depends_on"] = tuple(_id(one) for one in changes["depends_on"])
        return await self.services.tasks.change(task.id, Changes(**changes), by=ALICE)

    async def cancel(self, task: Task) -> Task:
        return await self.services.tasks.cancel(task.id, by=ALICE)

    async def retry(self, task: Task) -> Task:
        return await self.services.tasks.retry(task.id, by=ALICE)

    async def delete(self, task: Task) -> None:
        await self.services.tasks.delete(task.id, by=ALICE)

    async def pause(self, project: str | None = None, instance: str | None = None) -> None:
        await self.services.queue.pause(Pause(project=project, instance=instance), by=ALICE)

    async def resume(self, project: str | None = None, instance: str | None = None) -> None:
        await self.services.queue.resume(Pause(project=project, instance=instance), by=ALICE)

    async def answer(self, question: Question, answer: str = "PostgreSQL", **said: Any) -> Question:
        """A person answers."""
        return await self.services.questions.answer(question.id, answer, by=ALICE, **said)

    async def send(self, task: Task, text: str = "Use PostgreSQL.", **said: Any) -> Sent:
        """A person says something to a task."""
        return await self.services.messages.send(task.id, text, by=ALICE, **said)

    # --- instances --------------------------------------------------------------------------------

    async def claim(self, task: Task, by: str, *, lease: timedelta | None = None) -> Task:
        """Claim this very task."""
        return await self.services.claims.claim(task.id, instance=by, lease=lease, by=WORKER)

    async def claim_next(
        self,
        by: str,
        *,
        labels: tuple[str, ...] | None = None,
        projects: tuple[str, ...] | None = None,
        lease: timedelta | None = None,
        finish: Finish | None = None,
        once: Once | None = None,
    ) -> Task | None:
        """Claim whatever is next for the instance."""
        asker = Asker(instance=by, labels=labels, projects=projects)
        return await self.services.claims.claim_next(
            asker, lease=lease, by=WORKER, finish=finish, once=once
        )

    async def claimed_by(self, instance: str, **said: Any) -> Task:
        """A new task that the instance holds."""
        lease = said.pop("lease", None)
        return await self.claim(await self.submit(**said), by=instance, lease=lease)

    async def next_for(
        self,
        instance: str,
        *,
        labels: tuple[str, ...] | None = None,
        projects: tuple[str, ...] | None = None,
    ) -> TaskId | None:
        """Which task the instance would get."""
        asker = Asker(instance=instance, labels=labels, projects=projects)
        task = await self.services.tasks.next(asker)
        return None if task is None else task.id

    async def announce(
        self,
        instance: str,
        *,
        tasks: tuple[Task, ...] = (),
        attempts: Mapping[TaskId, int | None] | None = None,
        **said: Any,
    ) -> HeartbeatAnswer:
        """A heartbeat, which names tasks with the attempts that they say."""
        named = (
            tuple((task.id, task.attempt) for task in tasks)
            if attempts is None
            else tuple(attempts.items())
        )
        beat = Heartbeat(instance=instance, tasks=named, **said)
        return await self.services.instances.heartbeat(beat, by=WORKER)

    async def renew(
        self,
        task: Task,
        by: str,
        *,
        lease: timedelta | None = None,
        attempt: int | _Own | None = OWN,
    ) -> Task:
        return await self.services.claims.renew(
            task.id, instance=by, attempt=_attempt(task, attempt), lease=lease, by=WORKER
        )

    async def progress(
        self,
        task: Task,
        by: str,
        *,
        attempt: int | _Own | None = OWN,
        phase: Phase | None = None,
        notes: str | None = None,
        percent: int | None = None,
        message: str | None = None,
    ) -> Task:
        said = percent is not None or message is not None
        return await self.services.claims.progress(
            task.id,
            instance=by,
            attempt=_attempt(task, attempt),
            phase=phase,
            notes=notes,
            progress=Progress(percent=percent, message=message) if said else None,
            by=WORKER,
        )

    async def release(
        self, task: Task, by: str, *, attempt: int | _Own | None = OWN, notes: str | None = None
    ) -> Task:
        return await self.services.claims.release(
            task.id, instance=by, attempt=_attempt(task, attempt), notes=notes, by=WORKER
        )

    async def park(
        self,
        task: Task,
        by: str,
        *,
        until: datetime | None = None,
        question: Question | None = None,
        attempt: int | _Own | None = OWN,
        session_id: str | None = None,
        notes: str | None = None,
    ) -> Task:
        """Give it back to wait: an hour unless a time or a question is given."""
        if until is None and question is None:
            until = self.clock.now() + timedelta(hours=1)
        return await self.services.claims.park(
            task.id,
            instance=by,
            attempt=_attempt(task, attempt),
            until=until,
            question=None if question is None else question.id,
            session_id=session_id,
            notes=notes,
            by=WORKER,
        )

    async def ask(
        self,
        task: Task,
        by: str,
        text: str = "Which database?",
        *,
        attempt: int | _Own | None = OWN,
        **said: Any,
    ) -> Question:
        """The holder asks a person."""
        return await self.services.questions.ask(
            task.id,
            QuestionDraft(text=text, **said),
            instance=by,
            attempt=_attempt(task, attempt),
            by=WORKER,
        )

    async def withdraw(self, question: Question, by: str) -> Question:
        return await self.services.questions.withdraw(question.id, instance=by, by=WORKER)

    async def asked_by(self, instance: str, **said: Any) -> tuple[Task, Question]:
        """A new task whose holder waits for an answer, and the question."""
        task = await self.claimed_by(instance, **said)
        question = await self.ask(task, instance)
        return await self.get(task), question

    async def complete(
        self,
        task: Task,
        by: str,
        *,
        attempt: int | _Own | None = OWN,
        notes: str | None = None,
        result: Mapping[str, object] | None = None,
    ) -> Task:
        return await self.services.claims.complete(
            task.id,
            instance=by,
            attempt=_attempt(task, attempt),
            notes=notes,
            result=result,
            by=WORKER,
        )

    async def fail(
        self,
        task: Task,
        by: str,
        *,
        attempt: int | _Own | None = OWN,
        error: str = "it broke",
        for_good: bool = False,
        result: Mapping[str, object] | None = None,
    ) -> Task:
        return await self.services.claims.fail(
            task.id,
            instance=by,
            attempt=_attempt(task, attempt),
            error=error,
            for_good=for_good,
            result=result,
            by=WORKER,
        )

    async def ended(self, status: Status, by: str = "pi", **said: Any) -> Task:
        """A new task that has come to this end."""
        task = await self.claimed_by(by, **said)
        match status:
            case Status.COMPLETED:
                return await self.complete(task, by)
            case Status.FAILED:
                return await self.fail(task, by, for_good=True)
            case _:
                return await self.cancel(task)

    # --- time -------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """What the server does all the time: free what expired, promote what is due."""
        await self._leases.run_once()

    async def advance(self, **span: float) -> None:
        """Time goes by, and the server notices."""
        self.clock.advance(timedelta(**span))
        await self.sweep()

    async def expired(self, by: str = "pi", **said: Any) -> Task:
        """A new task whose lease has just run out; as its holder knew it."""
        task = await self.claimed_by(by, lease=timedelta(minutes=1), **said)
        await self.advance(minutes=1)
        return task

    # --- looking ----------------------------------------------------------------------------------

    async def get(self, task: Task) -> Task:
        """The task as it is now."""
        return await self.services.tasks.get(task.id)

    async def status_of(self, task: Task) -> Status:
        return (await self.get(task)).status

    async def readiness_of(self, task: Task) -> Readiness | None:
        return (await self.get(task)).readiness

    async def question(self, question: Question) -> Question:
        """The question as it is now."""
        return await self.services.questions.get(question.id)

    async def questions(
        self,
        status: QuestionStatus | None = None,
        *,
        task: Task | None = None,
        project: str | None = None,
    ) -> list[Question]:
        """All questions that fit, of whatever status unless one is named."""
        wanted = QuestionFilter(
            status=status, task_id=None if task is None else task.id, project=project
        )
        return list((await self.services.questions.list(wanted, limit=_EVERYTHING)).items)

    async def why(self, task: Task) -> Why:
        return await self.services.tasks.why(task.id)

    async def reasons_for(self, task: Task) -> list[str]:
        """The codes of all reasons that hold the task."""
        return [reason.code.value for reason in (await self.why(task)).reasons]

    async def history_of(self, task: Task) -> list[Event]:
        return list((await self.services.tasks.events(task.id, limit=_EVERYTHING)).items)

    async def story_of(self, task: Task) -> list[str]:
        """The types of the task's events, without their common prefix."""
        return [event.type.removeprefix("task.") for event in await self.history_of(task)]

    async def log(self) -> list[Event]:
        """All events there are."""
        first = await self.services.feed.read(0, limit=10_000)
        return list(first)

    async def listed(
        self, *statuses: Status, limit: int = _EVERYTHING, **wanted: Any
    ) -> list[Task]:
        """All tasks of these statuses (none named: of every status)."""
        wanted_filter = TaskFilter(statuses=frozenset(statuses or Status), **wanted)
        return list((await self.services.tasks.list(wanted_filter, limit=limit)).items)

    async def pages(self, *statuses: Status, limit: int, **wanted: Any) -> list[list[TaskId]]:
        """The ids, page by page, by following the cursors."""
        wanted_filter = TaskFilter(statuses=frozenset(statuses or Status), **wanted)
        pages: list[list[TaskId]] = []
        cursor = None
        while True:
            page = await self.services.tasks.list(wanted_filter, limit=limit, cursor=cursor)
            pages.append([task.id for task in page.items])
            cursor = page.next_cursor
            if cursor is None:
                return pages


def finish(task: Task, *, notes: str | None = None) -> Finish:
    """The task in hand, to be completed with the next claim."""
    return Finish(task_id=task.id, attempt=task.attempt, notes=notes)


def once(key: str = "k1", *, fingerprint: str = "f1", owner: str = "key:1") -> Once:
    """A request that its client calls by a name."""
    return Once(owner=owner, key=key, fingerprint=fingerprint)


def priorities() -> tuple[Priority, ...]:
    """From the most urgent to the least."""
    return (Priority.URGENT, Priority.HIGH, Priority.MEDIUM, Priority.LOW)


def _id(task: Task | TaskId) -> TaskId:
    return task.id if isinstance(task, Task) else task


def _attempt(task: Task, attempt: int | _Own | None) -> int | None:
    return task.attempt if isinstance(attempt, _Own) else attempt
