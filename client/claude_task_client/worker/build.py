"""Putting together what a task is worked on with: the one place that knows all its parts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from claude_task_client import AsyncAthena, settings
from claude_task_client.errors import Refused
from claude_task_client.wire import Task
from claude_task_client.worker.allowed import Allowed, allowed_file
from claude_task_client.worker.aside import Aside
from claude_task_client.worker.assignment import Kit
from claude_task_client.worker.checks import ProcessChecks
from claude_task_client.worker.config import ExecutorName, ProjectConfig, WorkerConfig
from claude_task_client.worker.environment import claude_environment, run_id, task_environment
from claude_task_client.worker.executor import Executor, LineKind
from claude_task_client.worker.executors.claude import ClaudeExecutor
from claude_task_client.worker.following import Followed, Standing, followed_id, standing_of
from claude_task_client.worker.job import Job, Workspace
from claude_task_client.worker.line import Line
from claude_task_client.worker.people import JobDesk, JobPeople
from claude_task_client.worker.project_logs import ProjectLogs
from claude_task_client.worker.record import Journal
from claude_task_client.worker.reporter import JobReporter, TaskLog
from claude_task_client.worker.sessions import HeldSessions
from claude_task_client.worker.strays import RUN_VARIABLE
from claude_task_client.worker.workspace import GitWorkspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all tasks of a worker are built on.

    - `environment`: the worker's own, of which each part takes what it may
    - `claude`: the program with its own arguments
    """

    state: Path
    config: WorkerConfig
    environment: Mapping[str, str]
    claude: Sequence[str]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class RealWorkshop:
    """Git worktrees, Claude Code, and the project's own checks."""

    ground: Ground
    athena: AsyncAthena
    line: Line
    logs: ProjectLogs
    sessions: HeldSessions = field(
        default_factory=lambda: HeldSessions(settings.state_folder() / "sessions")
    )
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def kit(self, task: Task, journal: Journal, *, on_conflict: Callable[[], None]) -> Kit:
        """Everything for working on a task."""
        config, now = self.ground.config, self.ground.now
        project = config.projects[journal.record.project]
        reporter = self.reporter(journal, on_conflict=on_conflict)
        people = JobPeople(
            self.athena,
            self.line,
            journal,
            patience_seconds=config.limits.patience_seconds,
            on_conflict=on_conflict,
        )
        allowed = Allowed(allowed_file(self.ground.state, project.name), now=now)
        environment = self._environment(project, journal)
        claude = self._claude(environment)
        job = Job(
            task=task,
            project=project,
            limits=config.limits,
            texts=config.texts,
            journal=journal,
            workspace=self._workspace(
                project,
                journal,
                lambda text: reporter.log(LineKind.GIT, text),
                followed=self._followed(task),
            ),
            checks=ProcessChecks(environment, run_id=environment[RUN_VARIABLE]),
            executor=self._executor(project, environment, claude),
            auditor=Aside(claude),
            people=people,
            desk=JobDesk(journal, people, reporter, allowed),
            reporter=reporter,
            sessions=self.sessions,
            now=now,
        )
        return Kit(job=job, people=people, reporter=reporter)

    def reporter(
        self, journal: Journal, *, on_conflict: Callable[[], None] = lambda: None
    ) -> JobReporter:
        """For what is to be sent of a task."""
        return JobReporter(
            self.athena,
            self.line,
            journal,
            task_log=self.task_log(journal),
            now=self.ground.now,
            on_conflict=on_conflict,
        )

    def workspace(self, journal: Journal) -> Workspace | None:
        """Where a task was worked on; None where its project is no longer in the config file."""
        project = self.ground.config.projects.get(journal.record.project)
        if project is None:
            return None
        return self._workspace(project, journal, self.task_log(journal).note)

    def task_log(self, journal: Journal) -> TaskLog:
        """What the people of this machine read of it."""
        return TaskLog(self.logs, journal.record.project, journal.record.task_id)

    def _workspace(
        self,
        project: ProjectConfig,
        journal: Journal,
        say: Callable[[str], None],
        *,
        followed: Followed | None = None,
    ) -> Workspace:
        own = self.ground.environment
        return GitWorkspace(
            project,
            journal.record.task_id,
            state=self.ground.state,
            environment=own,
            say=say,
            forge_token=settings.forge_token(own),
            followed=followed,
        )

    def _followed(self, task: Task) -> Followed | None:
        """The task that a follow-up goes on with."""
        number = followed_id(task.metadata, task_id=task.id)
        if number is None:
            return None

        async def look() -> Standing:
            try:
                earlier = await self.line.insist(lambda: self.athena.get(number))
            except Refused:
                return Standing.UNFINISHED  # deleted: nobody can say any more
            return standing_of(earlier, project=task.project)

        return Followed(task_id=number, look=look)

    def _environment(self, project: ProjectConfig, journal: Journal) -> dict[str, str]:
        """What the programs of a task see: nothing of the worker's that is not named."""
        record = journal.record
        clean = task_environment(
            self.ground.environment,
            temporary=journal.temporary,
            passed=project.pass_environment,
            run_id=run_id(
                self.ground.state,
                task_id=record.task_id,
                attempt=record.attempt,
                number=next(self.numbers),
            ),
        )
        fixed = {name: clean[name] for name in ("TMPDIR", RUN_VARIABLE)}
        return {**clean, **project.environment, **fixed}

    def _claude(self, environment: Mapping[str, str]) -> Executor:
        config = self.ground.config
        own = claude_environment(self.ground.environment, config.claude_environment)
        return ClaudeExecutor(self.ground.claude, {**environment, **own})

    def _executor(
        self, project: ProjectConfig, environment: Mapping[str, str], claude: Executor
    ) -> Executor:
        if project.executor is ExecutorName.SHELL:
            from claude_task_client.worker.executors.shell import ShellExecutor

            return ShellExecutor(project.shell_command, environment)
        return claude
