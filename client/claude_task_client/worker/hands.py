"""All tasks that a worker has to do with: those that it works on, and those that will come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from claude_task_client.errors import AthenaError, NotFound, Refused
from claude_task_client.wire import Task, time_text
from claude_task_client.worker.assignment import Assignment, Office, put_away
from claude_task_client.worker.between import was_elsewhere
from claude_task_client.worker.config import Isolation, WorkerConfig
from claude_task_client.worker.endings import earlier_cost, in_a_line
from claude_task_client.worker.holding import Holding
from claude_task_client.worker.record import (
    Ending,
    EndingKind,
    Journal,
    Record,
    clear_remains,
    journals,
    open_journal,
)
from claude_task_client.worker.setting_aside import set_aside

# A claim's answer overtakes the end of the same task by no more than this many other ends.
ENDED_MAX: Final = 1_000

log = logging.getLogger(__name__)


class Hands:
    """What is in hand. `changes` of the office is told whenever that is something else."""

    def __init__(
        self,
        office: Office,
        config: WorkerConfig,
        folder: Path,
        *,
        group: asyncio.TaskGroup,
        now: Callable[[], datetime],
    ) -> None:
        self._office = office
        self._config = config
        self._folder = folder
        self._group = group
        self._now = now
        self._assignments: dict[int, Assignment] = {}
        self._waiting: dict[int, Journal] = {}
        self._ended: dict[int, int] = {}
        self._doubted: set[int] = set()
        self._leaving: set[int] = set()
        self._lives: set[asyncio.Task[None]] = set()
        self.begun = 0
        self.done = 0
        self.completed = 0

    @property
    def all(self) -> Collection[Assignment]:
        """Those in hand: being worked on, or to be told of and put away."""
        return self._assignments.values()

    @property
    def waiting(self) -> Collection[Journal]:
        """Those that were given back, to go on here later."""
        return self._waiting.values()

    @property
    def running(self) -> Collection[Assignment]:
        """Those that are worked on."""
        return [each for each in self._assignments.values() if each.is_running]

    def is_busy(self, project: str) -> bool:
        """Whether a project's own folder is worked in: it has room for one task."""
        config = self._config.projects.get(project)
        return (
            config is not None
            and config.isolation is Isolation.IN_PLACE
            and any(each.project == project for each in self._assignments.values())
        )

    def find(self, task_id: int) -> Assignment | None:
        """The assignment of a task in hand."""
        return self._assignments.get(task_id)

    def has_ended(self, task: Task) -> bool:
        """Whether this very attempt, or a later one, is through here already."""
        return task.attempt <= self._ended.get(task.id, 0)

    async def begin(self, task: Task) -> None:
        """Work on a task that was claimed, or go on with what is here of it."""
        # What is put away has the same folders: it would take those of the new attempt with it.
        await self._office.changes.until(lambda: task.id not in self._leaving)
        journal = self._waiting.pop(task.id, None)
        if journal is not None and await self._was_elsewhere(journal.record, task.attempt - 1):
            log.info("Task #%s was in other hands meanwhile: it begins anew.", task.id)
            await put_away(self._office, journal)
            journal = None
        if journal is None:
            journal = open_journal(self._folder / str(task.id), self._record(task))
        else:
            self._continue(journal, task)
        self.begun += 1
        self._start(Assignment(self._office, journal, task))

    async def recover(self, holding: Holding) -> None:
        """Pick up what an earlier life of this worker has left."""
        clear_remains(self._folder)
        found = list(journals(self._folder))
        for journal in found:
            ending = journal.record.ending
            if ending is not None:
                self._recover_ended(journal, ending)
        for journal in found:
            if journal.record.ending is None:
                await self._recover_interrupted(journal, holding)

    async def review(self) -> None:
        """Put away what waits here for tasks that will not come back."""
        for journal in list(self._waiting.values()):
            await self._review(journal)

    def doubt(self, task_id: int) -> None:
        """Something has happened to a task: what waits here of it may wait in vain."""
        journal = self._waiting.get(task_id)
        if journal is not None:
            self._spawn(self._review(journal))
        elif task_id in self._assignments:
            self._doubted.add(task_id)  # it may be on its way to those that wait

    async def _review(self, journal: Journal) -> None:
        record = journal.record
        if await self._will_come_back(record):
            return
        if self._waiting.get(record.task_id) is journal:
            del self._waiting[record.task_id]
            self._leaving.add(record.task_id)
            try:
                self._office.workshop.task_log(journal).note("does not come back: put away")
                await put_away(self._office, journal)
            finally:
                self._leaving.discard(record.task_id)
                self._office.changes.tell()

    def drop(self) -> None:
        """Let go of everything: what is left is on disk, and the next life's to go on with."""
        for each in self._lives:
            each.cancel()

    def _recover_ended(self, journal: Journal, ending: Ending) -> None:
        if ending.delivered and ending.keep:
            self._waiting[journal.record.task_id] = journal
            return
        if not ending.delivered:
            self._office.on_ending(ending)
        self._start(Assignment(self._office, journal, None))

    async def _recover_interrupted(self, journal: Journal, holding: Holding) -> None:
        record = journal.record
        if record.project not in self._config.projects:
            log.warning("Task #%s waits in %s: its project %s is not configured.", *_of(journal))
            return
        try:
            task = await holding.recall(record.task_id, record.attempt)
        except Refused as error:
            log.error("Task #%s stays as it is: %s", record.task_id, error)  # noqa: TRY400
            return
        if isinstance(task, str) or task.has_ended:
            why = task if isinstance(task, str) else f"It is {task.status}."
            self._office.workshop.task_log(journal).fault(f"does not go on here: {why}")
            await put_away(self._office, journal)
        elif task.status == "in_progress":
            self._continue(journal, task)
            self.begun += 1
            self._start(Assignment(self._office, journal, task))
        else:
            workshop = self._office.workshop
            await set_aside(workshop.workspace(journal), journal, workshop.task_log(journal))
            self._waiting[record.task_id] = journal

    async def _will_come_back(self, record: Record) -> bool:
        try:
            task = await self._office.line.insist(lambda: self._office.athena.get(record.task_id))
        except NotFound:
            return False
        except AthenaError:
            return True
        if task.status == "in_progress":
            # A claim of this very worker that it does not know of yet brings the task back.
            return task.claimed_by == self._office.athena.instance
        return task.status == "pending" and not await self._was_elsewhere(record, task.attempt)

    async def _was_elsewhere(self, record: Record, until: int) -> bool:
        """Whether others have had it since, up to an attempt; the next may be there already."""
        if record.attempt == until + 1:
            return False
        office, task_id = self._office, record.task_id
        return await was_elsewhere(
            office.athena, office.line, task_id, after=record.attempt, until=until
        )

    def _start(self, assignment: Assignment) -> None:
        record = assignment.journal.record
        if record.ending is None:
            log.info(
                "Task #%s of %s: attempt %s, at %s.",
                *(record.task_id, record.project, record.attempt, record.stage),
            )
        self._assignments[assignment.task_id] = assignment
        self._spawn(self._live(assignment))
        self._office.changes.tell()

    def _spawn(self, act: Coroutine[Any, Any, None]) -> None:
        life = self._group.create_task(act)
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)

    async def _live(self, assignment: Assignment) -> None:
        ending = None
        try:
            ending = await assignment.live()
        except Exception:
            # The journal stays: the next start tries again.
            log.exception("task #%s is stuck", assignment.task_id)
        finally:
            del self._assignments[assignment.task_id]
            is_doubted = assignment.task_id in self._doubted
            self._doubted.discard(assignment.task_id)
            self.done += 1
            self._office.changes.tell()
        if ending is None:
            return
        log.info("Task #%s: %s", assignment.task_id, in_a_line(ending))
        if assignment.was_worked_on and ending.kind is EndingKind.COMPLETED:
            self.completed += 1
        self._note_end(assignment)
        if ending.keep:
            self._waiting[assignment.task_id] = assignment.journal
            if is_doubted:
                self.doubt(assignment.task_id)

    def _note_end(self, assignment: Assignment) -> None:
        self._ended[assignment.task_id] = assignment.attempt
        while len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def _record(self, task: Task) -> Record:
        return Record(
            task_id=task.id,
            attempt=task.attempt,
            project=task.project or "",
            description=task.description,
            started_at=time_text(self._now()),
            result=earlier_cost(task),
        )

    def _continue(self, journal: Journal, task: Task) -> None:
        record = journal.record
        record.attempt, record.description, record.ending = task.attempt, task.description, None
        journal.save()


def _of(journal: Journal) -> tuple[int, Path, str]:
    return journal.record.task_id, journal.folder, journal.record.project
