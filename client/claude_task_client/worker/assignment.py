"""One task in this worker's hands: run, its ending told, and what is left of it put away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from claude_task_client import AsyncAthena
from claude_task_client.errors import AthenaError, BadSettings, Conflict, NotFound, Refused
from claude_task_client.wire import Task
from claude_task_client.worker import endings, putting_off
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import Job, Workspace
from claude_task_client.worker.line import Line
from claude_task_client.worker.outbox import Outbox
from claude_task_client.worker.people import JobPeople
from claude_task_client.worker.project_health import what_is_missing
from claude_task_client.worker.record import Ending, EndingKind, Journal
from claude_task_client.worker.reporter import JobReporter, TaskLog
from claude_task_client.worker.setting_aside import set_aside

# The transcript goes before the ending, so that who follows it sees its end; yet the ending is
# worth more, and does not wait longer than this.
FLUSH_SECONDS: Final = 3.0
# An ending that Athena will not have in any form waits for a person, or for a newer Athena.
STUCK_SECONDS: Final = 600.0

RunJob = Callable[[Job], Awaitable[Ending]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a task is worked on with."""

    job: Job
    people: JobPeople
    reporter: JobReporter


class Workshop(Protocol):
    """Puts together what a task needs."""

    def kit(self, task: Task, journal: Journal, *, on_conflict: Callable[[], None]) -> Kit:
        """Everything for working on it."""

    def reporter(self, journal: Journal) -> JobReporter:
        """For what is left to be sent of a task that has ended."""

    def workspace(self, journal: Journal) -> Workspace | None:
        """Where it was worked on; None where its project is no longer in the config file."""

    def task_log(self, journal: Journal) -> TaskLog:
        """What the people of this machine read of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What all assignments of a worker share."""

    athena: AsyncAthena
    line: Line
    outbox: Outbox
    workshop: Workshop
    run_job: RunJob
    changes: Changes
    beat_soon: Callable[[], None]
    on_ending: Callable[[Ending], None]
    projects: Mapping[str, ProjectConfig]


class Stop(StrEnum):
    """Why a run was ended from outside."""

    LOST = "lost"
    WORKER_STOPS = "worker stops"


class Assignment:
    """A task from its claim, or from where a journal left it, until it is off this worker's hands.

    `task` None: the journal has the ending already.
    """

    def __init__(self, office: Office, journal: Journal, task: Task | None) -> None:
        self._office = office
        self._journal = journal
        self._task = task
        self._run: asyncio.Task[Ending] | None = None
        self._kit: Kit | None = None
        self._stop: Stop | None = None
        self._reclaimed: Task | None = None
        self._was_in_vain = False
        self.is_running = task is not None
        self._diary = office.workshop.task_log(journal)

    @property
    def task_id(self) -> int:
        """Its number."""
        return self._journal.record.task_id

    @property
    def attempt(self) -> int:
        """The attempt that is believed to be held."""
        return self._journal.record.attempt

    @property
    def project(self) -> str:
        """Its project."""
        return self._journal.record.project

    @property
    def was_worked_on(self) -> bool:
        """Whether this life of the worker does it, rather than telling what the last one did."""
        return self._task is not None

    @property
    def journal(self) -> Journal:
        """Where it stands."""
        return self._journal

    async def live(self) -> Ending:
        """Everything, until Athena has the ending and what is left is put away; that ending."""
        try:
            if self._task is not None:
                await self._work(self._task)
            self.is_running = False
            self._office.changes.tell()
            return await self._end()
        finally:
            self.is_running = False
            if self._kit is not None:
                self._kit.reporter.stop()

    def abandon(self, why: str) -> None:
        """It is lost: all that is done for it ends."""
        if self._cancel(Stop.LOST):
            self._diary.fault(f"stops: {why}")
            log.info("Task #%s stops: %s", self.task_id, why)

    def stop_waiting(self) -> None:
        """The worker is about to end: what waits for a person is parked on the question."""
        if self._kit is not None:
            self._kit.people.stop_waiting()

    def hand_back(self) -> None:
        """The worker ends: it goes back to Athena as it is."""
        self._cancel(Stop.WORKER_STOPS)

    def reclaim(self, task: Task) -> None:
        """This worker's own poll has brought it again: its lease had run out, or it was told.

        What runs goes on; what has ended is told first, and then `left_over`.
        """
        if self.is_running and self._stop is None:
            self.move_to(task)
        else:
            self._reclaimed = task

    @property
    def left_over(self) -> Task | None:
        """What this worker holds of the task after its end, if it was claimed again meanwhile."""
        task = self._reclaimed
        return task if task is not None and task.attempt > self.attempt else None

    def move_to(self, task: Task) -> None:
        """It was claimed anew, by this very instance."""
        if task.attempt == self.attempt:
            return
        log.info("Task #%s goes on as attempt %s.", task.id, task.attempt)
        self._journal.record.attempt = task.attempt
        self._save()
        if self._kit is not None:
            self._kit.reporter.moved_to(task.attempt)

    async def look(self) -> None:
        """See what people have said."""
        if self._kit is not None:
            await self._kit.people.look()

    def _cancel(self, why: Stop) -> bool:
        # Lost is lost, also while it is being handed back.
        if not self.is_running or self._stop is Stop.LOST or self._stop is why:
            return False
        self._stop = why
        if self._run is not None:
            self._run.cancel()
        return True

    async def _work(self, task: Task) -> None:
        missing = what_is_missing(self._office.projects[self.project])
        if missing is not None:
            self._keep(endings.handed_back(missing, trouble=endings.PROJECT_MISSING))
            return
        try:
            kit = self._office.workshop.kit(task, self._journal, on_conflict=self._office.beat_soon)
        except Exception as error:
            log.exception("task #%s could not be begun", task.id)
            self._keep(_failed(error))
            return
        self._kit = kit
        kit.reporter.start()
        self._diary.note(f"attempt {task.attempt} begins at {self._journal.record.stage}")
        self._run = run = asyncio.create_task(self._run_job(kit.job))
        if self._stop is not None:
            run.cancel()
        # It may have been spoken to before anybody claimed it.
        look = asyncio.create_task(kit.people.look())
        try:
            await asyncio.wait({run})
        finally:
            run.cancel()
            look.cancel()
        self._keep(self._ending_of(run, kit.job))

    def _keep(self, ending: Ending) -> None:
        """From here on it is never lost."""
        self._journal.record.ending = ending
        self._save()
        if self._stop is None:
            self._office.on_ending(ending)

    async def _run_job(self, job: Job) -> Ending:
        return await self._office.run_job(job)

    def _ending_of(self, run: asyncio.Task[Ending], job: Job) -> Ending:
        if self._stop is Stop.LOST:
            return Ending(kind=EndingKind.ABANDONED)
        error = None if run.cancelled() else run.exception()
        if run.cancelled() or (error is not None and self._stop is not None):
            question_id = job.record.question_id
            if question_id is not None:
                return endings.parked_on(job, question_id)
            return endings.handed_back("The worker was stopped.")
        if error is None:
            return run.result()
        log.error("the run of task #%s broke", self.task_id, exc_info=error)
        job.reporter.log(LineKind.ERROR, f"The worker itself failed: {error!r}")
        return putting_off.unless_missing(job, _failed(error))

    def _save(self) -> None:
        try:
            self._journal.save()
        except BadSettings as error:
            # The disk is full, or gone: all the more Athena has to be told now.
            log.error("The journal of task #%s is out of date: %s", self.task_id, error)  # noqa: TRY400

    async def _end(self) -> Ending:
        reporter = (
            self._kit.reporter if self._kit else self._office.workshop.reporter(self._journal)
        )
        if self._kit is None:
            reporter.start()
        try:
            await self._leave_folder()
            await self._flush(reporter)
            ending = await self._tell()
            await reporter.flush()
        finally:
            await reporter.close()
        if not ending.keep:
            await put_away(self._office, self._journal)
        return ending

    async def _leave_folder(self) -> None:
        """What will come back leaves a folder that is not its own, before anybody hears of it."""
        ending = self._journal.record.ending
        if ending is not None and ending.keep and not ending.delivered:
            await set_aside(
                self._office.workshop.workspace(self._journal), self._journal, self._diary
            )

    async def _flush(self, reporter: JobReporter) -> None:
        """Send the transcript; while Athena is away there is no hurry, the ending waits as well."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await reporter.flush()
                    return
            if not self._office.line.is_away:
                return

    async def _tell(self) -> Ending:
        """Deliver the ending; what it is worth once Athena has answered, kept in the journal."""
        ending = self._journal.record.ending
        if ending is None:
            raise AssertionError("whatever comes of a run is an ending")
        if ending.kind is not EndingKind.ABANDONED and not ending.delivered:
            ending.keep = await self._deliver(ending)
        ending.delivered = True
        self._save()
        if not self._was_in_vain:
            self._note(ending)
        return ending

    def _note(self, ending: Ending) -> None:
        line = f"attempt {self.attempt}: {endings.in_a_line(ending)}"
        if ending.kind is EndingKind.FAILED:
            self._diary.fault(line)
        else:
            self._diary.note(line)

    async def _deliver(self, ending: Ending) -> bool:
        """Whether the task will come back to what is kept of it."""
        while True:
            try:
                told = await self._office.outbox.deliver(self._journal.record)
                return ending.keep and not told.has_ended
            except (Conflict, NotFound) as error:
                task = self._reclaimed or await self._look_up()
                if task is None or not self._is_ours_again(task):
                    return self._judged(ending, task, error)
                self._journal.record.attempt = task.attempt
                self._save()
            except Refused as error:
                self._diary.fault(f"Athena takes no ending of it: {error}")
                await asyncio.sleep(STUCK_SECONDS)

    async def _look_up(self) -> Task | None:
        try:
            return await self._office.line.insist(lambda: self._office.athena.get(self.task_id))
        except AthenaError:
            return None

    def _is_ours_again(self, task: Task) -> bool:
        """Whether the ending is to be told under a newer attempt, which this worker holds."""
        is_held = task.status == "in_progress" and task.claimed_by == self._office.athena.instance
        return is_held and task.attempt > self.attempt

    def _judged(self, ending: Ending, task: Task | None, error: Refused) -> bool:
        """Tell an answer that was lost on its way from a task that was lost."""
        if task is not None and _was_told(task, ending, self.attempt):
            return ending.keep
        self._was_in_vain = True
        self._diary.fault(
            f"Attempt {self.attempt} was {ending.kind.value} in vain: {error}"
            " What was done is kept in the repository."
        )
        return False


def _failed(error: BaseException) -> Ending:
    body = {"error": f"The worker itself failed: {error!r}", "retry": True}
    return Ending(kind=EndingKind.FAILED, body=body)


def _was_told(task: Task, ending: Ending, attempt: int) -> bool:
    if task.attempt != attempt or task.status == "in_progress":
        return False
    if task.status == "pending":
        return ending.kind is not EndingKind.COMPLETED
    return task.status == ("completed" if ending.kind is EndingKind.COMPLETED else "failed")


async def put_away(office: Office, journal: Journal) -> None:
    """Keep the work safe, remove its folder, forget the task.

    What cannot be kept safe now stays as it is, and is tried again at the next start.
    """
    record = journal.record
    diary = office.workshop.task_log(journal)
    workspace = office.workshop.workspace(journal)
    if workspace is None:
        diary.fault(f"stays in {journal.folder}: its project is not configured.")
        return
    try:
        kept_as = await workspace.rescue()
        if kept_as is not None:
            diary.note(f"unfinished work is kept as {kept_as}")
        await workspace.remove()
    except Exception as error:
        log.exception("what is left of task #%s could not be put away", record.task_id)
        diary.fault(f"stays in {record.folder}: {error}")
        return
    journal.remove()
