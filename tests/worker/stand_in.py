"""A worker whose tasks are done by a stand-in: everything around the pipeline is real.

A task's description is a list of steps, one a line, each of which is kept in the journal once done:

    effect NAME         note NAME in the effects file, once, looked up before
    say TEXT            a line of the transcript
    progress TEXT       progress
    cost USD            costs that much
    wait NAME           until a file of that name exists
    hear                waits for a message, which becomes the output
    ask TEXT            a question; its answer becomes the output. Unanswered in time: parks on it
    approve TEXT        asks to run that
    park SECONDS        parks until then (the first time); `limit SECONDS`: as a usage limit
    await ID            parks on that question (the first time)
    odd                 done, with a result that is none
    fail TEXT           fails, to be tried again; `give up TEXT`: for good
    break               a bug
    signed out          hands the task back
    notes COUNT         done, with so many characters of notes

Run as a program it is a worker of its own: `python -m tests.worker.stand_in FOLDER URL KEY …`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from claude_task_client import AsyncAthena
from claude_task_client.wire import Task
from claude_task_client.worker import endings
from claude_task_client.worker.allowed import Allowed, allowed_file
from claude_task_client.worker.assignment import Kit
from claude_task_client.worker.config import (
    ExecutorName,
    Isolation,
    Limits,
    ProjectConfig,
    Texts,
    WorkerConfig,
)
from claude_task_client.worker.executor import LineKind, Question, QuestionKind, Usage
from claude_task_client.worker.job import Job
from claude_task_client.worker.line import Line
from claude_task_client.worker.loop import Surroundings, Worker
from claude_task_client.worker.main import run_in_loop
from claude_task_client.worker.options import WorkOptions
from claude_task_client.worker.people import JobDesk, JobPeople
from claude_task_client.worker.project_logs import ProjectLogs
from claude_task_client.worker.record import Ending, Journal
from claude_task_client.worker.reporter import JobReporter, TaskLog
from claude_task_client.worker.sessions import HeldSessions

PROJECT = "app"


def now() -> datetime:
    return datetime.now(UTC)


T = TypeVar("T")


async def until(look: Callable[[], T]) -> T:
    """What is seen, once there is something."""
    while not (seen := look()):  # noqa: ASYNC110  what is waited for is often a file
        await asyncio.sleep(0.02)
    return seen


@dataclass(frozen=True, slots=True)
class Bench:
    """The folder that a stand-in works in, seen from outside and from inside."""

    folder: Path

    @property
    def state(self) -> Path:
        """The worker's state folder."""
        return self.folder / "state"

    @property
    def effects(self) -> list[str]:
        """What was done outside, in order."""
        file = self.folder / "effects"
        return file.read_text().splitlines() if file.exists() else []

    def effect(self, name: str) -> None:
        """Do something outside."""
        with (self.folder / "effects").open("a") as file:
            file.write(f"{name}\n")

    def let(self, name: str) -> None:
        """Let whoever waits for that go on."""
        (self.folder / name).touch()

    def has_let(self, name: str) -> bool:
        return (self.folder / name).exists()

    def set_health(self, *, ok: bool, message: str = "", sick: Sequence[str] = ()) -> None:
        """What the next examination finds; `sick` are projects by themselves."""
        told = {"ok": ok, "message": message, "sick": sick}
        (self.folder / "health").write_text(json.dumps(told))

    def health(self) -> Any:
        file = self.folder / "health"
        return json.loads(file.read_text()) if file.exists() else {"ok": True, "message": None}


@dataclass(slots=True)
class FolderWorkspace:
    """A workspace that is a mere folder, and tells what is done with it."""

    bench: Bench
    journal: Journal

    @property
    def folder(self) -> Path:
        return self.bench.state / "worktrees" / PROJECT / f"task-{self.journal.record.task_id}"

    async def set_aside(self) -> None:
        """It is the task's own."""

    async def rescue(self) -> str | None:
        if (self.folder / "work").exists():
            self.bench.effect(f"rescued {self.journal.record.task_id}")
            (self.folder / "work").unlink()
            return f"refs/athena/rescue/{self.journal.record.task_id}"
        return None

    async def remove(self) -> None:
        if self.folder.exists():
            self.folder.rmdir()


@dataclass
class Steps:
    """The stand-in pipeline: does the steps of a task's description."""

    bench: Bench
    begun: list[int] = field(default_factory=list)

    def check(self) -> None:
        """Called where a task's things are put together."""

    async def __call__(self, job: Job) -> Ending:
        record = job.record
        self.begun.append(record.task_id)
        record.session_id = record.session_id or f"session-{record.task_id}"
        folder = FolderWorkspace(self.bench, job.journal).folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "work").touch()
        record.folder = str(folder)
        steps = job.task.description.splitlines()
        while record.iterations < len(steps):
            word, _, rest = steps[record.iterations].partition(" ")
            ending = await self.step(job, word, rest)
            if ending is not None:
                return ending
            record.iterations += 1
            job.journal.save()
        (folder / "work").unlink(missing_ok=True)
        return endings.completed(job)

    async def step(self, job: Job, word: str, rest: str) -> Ending | None:
        """One of them; the ending, if it ends the attempt."""
        record = job.record
        match word:
            case "effect":
                if f"{record.task_id} {rest}" not in self.bench.effects:
                    self.bench.effect(f"{record.task_id} {rest}")
            case "cost":
                record.usage += Usage(total_cost_usd=float(rest))
            case "say":
                job.reporter.log(LineKind.TEXT, rest)
            case "progress":
                job.reporter.progress(rest)
            case "hear":
                record.output = "\n".join(await until(job.people.take_messages))
            case "wait":
                await until(lambda: self.bench.has_let(rest))
            case "break":
                raise ValueError("a bug")
            case "ask" | "approve":
                return await self.ask(job, word, rest)
            case _:
                return self.end(job, word, rest)
        return None

    async def ask(self, job: Job, word: str, rest: str) -> Ending | None:
        question = Question(key=rest, kind=QuestionKind.TEXT, text=rest)
        if word == "approve":
            tool_input = {"command": rest, "description": "made up"}
            if job.desk.is_allowed("Bash", tool_input):
                job.record.output = "allowed before"
                return None
            question = Question(
                key=rest, kind=QuestionKind.APPROVAL, text=rest, tool="Bash", input=tool_input
            )
        answer = await job.desk.ask(question)
        if answer is None:
            return endings.parked_on(job, job.record.question_id or 0)
        job.record.output = f"{answer.text} {answer.note or ''}".strip()
        return None

    def end(self, job: Job, word: str, rest: str) -> Ending | None:
        match word:
            case "park" | "limit":
                if "parked" in job.record.intents:
                    return None
                job.record.intents["parked"] = "yes"
                until = job.now() + timedelta(seconds=float(rest))
                trouble = "usage_limit" if word == "limit" else None
                return endings.parked_until(job, until, "later", trouble=trouble)
            case "await":
                if "awaited" in job.record.intents:
                    return None
                job.record.intents["awaited"] = rest
                return endings.parked_on(job, int(rest))
            case "notes" | "odd":
                ending = endings.completed(job)
                odd = {"notes": "done", "result": {"success": "perhaps"}}
                ending.body |= odd if word == "odd" else {"notes": "é" * int(rest)}
                return ending
            case "fail":
                return endings.failed(job, rest, retry=True)
            case "give":
                return endings.failed(job, rest, retry=False)
            case "signed":
                return endings.handed_back("not signed in", trouble="signed_out")
        raise AssertionError(word)


@dataclass
class StandInWorkshop:
    """Kits with real reporters, people and desks, and no git."""

    bench: Bench
    athena: AsyncAthena
    line: Line
    config: WorkerConfig
    logs: ProjectLogs
    steps: Steps

    def kit(self, task: Task, journal: Journal, *, on_conflict: Callable[[], None]) -> Kit:
        self.steps.check()
        reporter = self.reporter(journal, on_conflict=on_conflict)
        people = JobPeople(
            self.athena,
            self.line,
            journal,
            patience_seconds=self.config.limits.patience_seconds,
            on_conflict=on_conflict,
        )
        allowed = Allowed(allowed_file(self.bench.state, journal.record.project), now=now)
        nothing = cast("Any", None)
        job = Job(
            task=task,
            project=self.config.projects[journal.record.project],
            limits=self.config.limits,
            texts=Texts(),
            journal=journal,
            workspace=cast("Any", self.workspace(journal)),
            checks=nothing,
            executor=nothing,
            auditor=nothing,
            people=people,
            desk=JobDesk(journal, people, reporter, allowed),
            reporter=reporter,
            sessions=HeldSessions(self.bench.state / "sessions"),
            now=now,
        )
        return Kit(job=job, people=people, reporter=reporter)

    def reporter(
        self, journal: Journal, *, on_conflict: Callable[[], None] = lambda: None
    ) -> JobReporter:
        return JobReporter(
            self.athena,
            self.line,
            journal,
            task_log=self.task_log(journal),
            now=now,
            on_conflict=on_conflict,
        )

    def workspace(self, journal: Journal) -> Any:
        return FolderWorkspace(self.bench, journal)

    def task_log(self, journal: Journal) -> TaskLog:
        return TaskLog(self.logs, journal.record.project, journal.record.task_id)


def make_config(bench: Bench, **changes: Any) -> WorkerConfig:
    """One project in the test's folder, and short waits."""
    projects = changes.pop("projects", (PROJECT,))
    isolation = changes.pop("isolation", Isolation.WORKTREE)
    executors: Mapping[str, ExecutorName] = changes.pop("executors", {})
    patience = changes.pop("patience_seconds", 30.0)
    if not changes.pop("is_unmounted", False):
        (bench.folder / "repository" / ".git").mkdir(parents=True, exist_ok=True)
    return WorkerConfig(
        projects={
            name: ProjectConfig(
                name=name,
                path=bench.folder / "repository",
                isolation=isolation,
                executor=executors.get(name, ExecutorName.CLAUDE),
            )
            for name in projects
        },
        limits=Limits(patience_seconds=patience),
        **changes,
    )


def make_worker(
    bench: Bench,
    config: WorkerConfig,
    athena: AsyncAthena,
    *,
    steps: Steps | None = None,
    now: Callable[[], datetime] = now,
    **options: Any,
) -> Worker:
    """A worker on the bench; `options` are those of `work`."""
    logs = ProjectLogs(bench.state / "logs", now=now)
    steps = steps or Steps(bench)
    around = Surroundings(
        athena=athena,
        run_job=steps,
        workshop=lambda line: StandInWorkshop(bench, athena, line, config, logs, steps),
        examine=lambda: _examine(bench),
        introduction={"name": "The stand-in"},
        limit_file=bench.folder / "limit.json",
        now=now,
    )
    told = {"state": bench.state, "jobs": 1, "projects": tuple(config.projects), **options}
    return Worker(config, WorkOptions(**told), around)


class _Health:
    problems: Sequence[Any] = ()

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.ok: bool = told["ok"]
        self.message: str | None = told["message"]
        self.sick_projects: Sequence[str] = told.get("sick", ())


async def _examine(bench: Bench) -> Any:
    return _Health(bench.health())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--instance", default="worker")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--lease", type=float, default=120.0)
    parser.add_argument("--grace", type=float, default=10.0)
    parser.add_argument("--patience", type=float, default=30.0)
    parser.add_argument("--once", action="store_true")
    told = parser.parse_args()
    bench = Bench(told.folder)
    config = make_config(
        bench,
        lease_seconds=told.lease,
        grace_seconds=told.grace,
        patience_seconds=told.patience,
    )

    def made(athena: AsyncAthena) -> Worker:
        return make_worker(bench, config, athena, jobs=told.jobs, once=told.once)

    return run_in_loop(
        bench.state,
        lambda: AsyncAthena(told.url, told.key, instance=told.instance, retry_seconds=0.0),
        made,
    )


if __name__ == "__main__":
    sys.exit(main())
