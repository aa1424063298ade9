"""The value that goes through the stages: one task on its way, and what its stages work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from claude_task_client.wire import Task
from claude_task_client.worker.config import Command, Limits, ProjectConfig, Texts
from claude_task_client.worker.executor import Answer, Desk, Executor, LineKind, Question
from claude_task_client.worker.record import Ending, Journal, Record


class Earlier(StrEnum):
    """Where the work of the task is that a follow-up goes on with."""

    FROM = "from"  # the branch of this task starts from its branch
    MERGED = "merged"  # the base has it
    APART = "apart"  # on its branch alone
    GONE = "gone"  # it has no branch here, nor at the remote


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came of putting a task's work back into a folder that it had left.

    - `key`: tells this return from others
    - `is_moved`: the folder has other commits than when it was left
    - `conflicts`: files with the marks of a merge; `is_whole`: no change was left out
    - `kept_as`: the ref that has the work as it was, where that is not as it was
    """

    key: str
    is_moved: bool
    conflicts: tuple[str, ...]
    is_whole: bool
    kept_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a task is worked on: its folder, its branch, and the commit it starts from.

    `earlier`: where the work of the task is that it follows; None where it follows none, or where
    that is not known. `returned`: what came of the last return to the folder.
    """

    folder: Path
    branch: str
    base: str
    earlier: Earlier | None = None
    returned: Returned | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A command that was run on the work, as proof: the agent's word is none.

    `exit_code` None: it was ended after `seconds`. `tail`: the end of its output.
    """

    command: str
    exit_code: int | None
    tail: str
    seconds: float

    @property
    def has_passed(self) -> bool:
        """Whether it ended well."""
        return self.exit_code == 0


class Doubt(str):
    """A finding that may be meant: where the task itself asks for it, an auditor may accept it."""

    __slots__ = ()


class Workspace(Protocol):
    """The git side of a task. Each method may be repeated: it finds what was done before."""

    async def prepare(self) -> Place:
        """Make the folder, on its branch `athena/task-N`; what was uncommitted is kept safe.

        Where the task has left it (`set_aside`), its work is put back. Raises: WorkspaceTrouble.
        """

    async def diff(self) -> str:
        """All that was changed since the base, new files included; cut where it is long."""

    async def findings(self) -> Sequence[str]:
        """What the worker's own eyes see in the diff: deleted or weakened tests, protected files.

        A sentence each; what is found is sent back like an auditor's findings. What a task may be
        meant to do (remove a test with its feature) is a `Doubt`.
        """

    async def snapshot(self) -> str:
        """The id of a git tree of all that is there now: what is judged is what is committed.

        What checks leave behind afterwards (caches, coverage) is then no part of the work.
        """

    async def commit(self, subject: str, body: str, *, tree: str) -> str | None:
        """Commit a tree; the branch's head, or None where nothing was changed since the base."""

    async def push(self) -> None:
        """Push the branch; a repeat changes nothing. Raises: WorkspaceTrouble."""

    async def pull_request(self, title: str, body: str) -> str:
        """The address of the branch's pull request, opened only where there is none.

        Raises: WorkspaceTrouble.
        """

    async def set_aside(self) -> None:
        """Leave the folder to others until `prepare`, where it is not the task's own.

        Raises: WorkspaceTrouble.
        """

    async def rescue(self) -> str | None:
        """Keep what is neither committed nor pushed as `refs/athena/rescue/…`; its name."""

    async def remove(self) -> None:
        """Remove the folder, once its work is safe (`rescue` first)."""


class WorkspaceTrouble(Exception):
    """Git or the forge refuses; the sentence says what to do. `transient`: worth another try."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class Checks(Protocol):
    """Runs the project's commands in the task's folder, in the task's clean environment."""

    async def run(self, command: Command, *, folder: Path, timeout_seconds: float) -> Check:
        """Run a command to its end; each process it started has ended as well."""


class Reporter(Protocol):
    """What Athena hears of a running task. Nothing waits for the network: it is kept, then sent."""

    def log(self, kind: LineKind, text: str) -> None:
        """A line of the transcript."""

    def progress(self, message: str | None = None, *, percent: int | None = None) -> None:
        """What is being done now."""

    def phase(self, phase: str) -> None:
        """`working`, `waiting`, `auditing`, `testing` or `committing`."""

    def session(self, session_id: str) -> None:
        """The Claude conversation that works on it."""


class People(Protocol):
    """The way to the people who can answer."""

    async def ask(self, question: Question) -> tuple[int, Answer | None]:
        """Ask, or find what was asked by the same key; wait for the answer while it is worth it.

        The question's id at Athena, and the answer, None where nobody gave one in time.
        """

    async def answer_to(self, question_id: int) -> Answer | None:
        """The answer to a question asked earlier; None while it is open. Withdrawn: a deny."""

    async def look(self) -> None:
        """Fetch what people have said meanwhile, if Athena can be asked."""

    def take_messages(self) -> Sequence[str]:
        """What people have said to the task since this was last asked."""


class Sessions(Protocol):
    """The Claude conversations on this machine: none is ever resumed twice at once."""

    def hold(self, session_id: str) -> AbstractAsyncContextManager[None]:
        """Keep others out of the conversation for the length of the block; waits its turn."""


@dataclass(kw_only=True)
class Job:
    """One task on its way through the stages."""

    task: Task
    project: ProjectConfig
    limits: Limits
    texts: Texts
    journal: Journal
    workspace: Workspace
    checks: Checks
    executor: Executor
    auditor: Executor
    people: People
    desk: Desk
    reporter: Reporter
    sessions: Sessions
    now: Callable[[], datetime]

    @property
    def record(self) -> Record:
        """Where the task stands."""
        return self.journal.record

    @property
    def folder(self) -> Path:
        """Where it is worked on, from the first stage on."""
        return Path(self.record.folder or self.project.path)


@dataclass(frozen=True, slots=True)
class GoOn:
    """The stage is through: the next one in the list."""


@dataclass(frozen=True, slots=True)
class SendBack:
    """Claude has to go on, and is told `reply`."""

    reply: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The attempt ends here."""

    ending: Ending


Verdict = GoOn | SendBack | Finish


class Stage(Protocol):
    """A step on the way: all have this signature."""

    async def __call__(self, job: Job) -> Verdict:
        """Do it. May be repeated after a crash: it looks for what it did before."""
