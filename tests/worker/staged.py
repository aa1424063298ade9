"""A job whose agents are played from a list: for what the stages decide."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claude_task_client.wire import Task
from claude_task_client.worker import pipeline
from claude_task_client.worker.config import Command, Limits, ProjectConfig, Texts
from claude_task_client.worker.executor import Answer, End, LineKind, Outcome, Question, Turn, Usage
from claude_task_client.worker.job import Check, Earlier, Job, Place, Returned, WorkspaceTrouble
from claude_task_client.worker.record import Ending, Journal, Record, open_journal

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def done(text: str = "Done.", **fields: Any) -> Outcome:
    usage = fields.pop("usage", Usage(total_cost_usd=0.1, num_turns=3, duration_ms=1000))
    return Outcome(end=fields.pop("end", End.FINISHED), text=text, usage=usage, **fields)


def verdict(word: str, *findings: str) -> Outcome:
    told = {"verdict": word, "findings": [{"text": text} for text in findings]}
    return Outcome(end=End.FINISHED, structured=told, usage=Usage(total_cost_usd=0.01))


class Played:
    """An executor that gives what it was told to, and notes what it was asked; then `rest`."""

    def __init__(self, *outcomes: Outcome, rest: Outcome | None = None) -> None:
        self.left = list(outcomes)
        self.rest = rest
        self.turns: list[Turn] = []

    async def run(self, turn: Turn, desk: object) -> Outcome:
        self.turns.append(turn)
        outcome = self.left.pop(0) if self.left else self.rest
        assert outcome is not None, "the executor was not expected to run again"
        return outcome

    @property
    def prompts(self) -> list[str | None]:
        return [turn.prompt for turn in self.turns]


@dataclass
class PlainWorkspace:
    folder: Path
    earlier: Earlier | None = None
    returned: Returned | None = None
    seen: list[list[str]] = field(default_factory=list)
    committed: list[tuple[str, str]] = field(default_factory=list)
    pushed: int = 0
    requests: int = 0
    troubles: list[WorkspaceTrouble] = field(default_factory=list)  # of the next pushes

    async def prepare(self) -> Place:
        branch, base = "athena/task-7", "b" * 40
        return Place(
            folder=self.folder,
            branch=branch,
            base=base,
            earlier=self.earlier,
            returned=self.returned,
        )

    async def diff(self) -> str:
        return "+ a line"

    async def findings(self) -> Sequence[str]:
        return self.seen.pop(0) if self.seen else []

    async def snapshot(self) -> str:
        return "tree"

    async def commit(self, subject: str, body: str, *, tree: str) -> str | None:
        self.committed.append((subject, tree))
        return "c" * 40

    async def push(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.pushed += 1

    async def pull_request(self, title: str, body: str) -> str:
        self.requests += 1
        return "https://forge.example/1"

    async def set_aside(self) -> None:
        pass

    async def rescue(self) -> str | None:
        return None

    async def remove(self) -> None:
        pass


class PlayedChecks:
    def __init__(self, *exit_codes: int | None) -> None:
        self.exit_codes = list(exit_codes)
        self.ran: list[Command] = []

    async def run(self, command: Command, *, folder: Path, timeout_seconds: float) -> Check:
        self.ran.append(command)
        code = self.exit_codes.pop(0) if self.exit_codes else 0
        line = command if isinstance(command, str) else " ".join(command)
        return Check(command=line, exit_code=code, tail=f"exit {code}", seconds=0.1)


class Nobody:
    """Nobody answers and nobody says anything, but for what is put here."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.answers: dict[int, Answer] = {}
        self.said_at_the_end: list[str] = []

    async def ask(self, question: Question) -> tuple[int, Answer | None]:
        return 1, None

    async def answer_to(self, question_id: int) -> Answer | None:
        return self.answers.get(question_id)

    async def look(self) -> None:
        self.messages += self.said_at_the_end
        self.said_at_the_end = []

    def take_messages(self) -> Sequence[str]:
        taken, self.messages = self.messages, []
        return taken


class Lines:
    """A reporter, and the desk, that keep what they hear."""

    def __init__(self) -> None:
        self.lines: list[tuple[LineKind, str]] = []
        self.phases: list[str] = []

    def log(self, kind: LineKind, text: str) -> None:
        self.lines.append((kind, text))

    def progress(self, message: str | None = None, *, percent: int | None = None) -> None:
        pass

    def phase(self, phase: str) -> None:
        self.phases.append(phase)

    def session(self, session_id: str) -> None:
        pass

    async def ask(self, question: Question) -> Answer | None:
        return None

    def is_allowed(self, tool: str, tool_input: object) -> bool:
        return False

    def started(self, session_id: str) -> None:
        pass

    def inject(self) -> Sequence[str]:
        return ()


class OneAtATime:
    def __init__(self) -> None:
        self.held: list[str] = []

    @contextlib.asynccontextmanager
    async def hold(self, session_id: str) -> AsyncIterator[None]:
        self.held.append(session_id)
        yield


@dataclass
class Staged:
    """A job, and the parts of it that a test looks at."""

    job: Job
    agent: Played
    auditor: Played
    workspace: PlainWorkspace
    checks: PlayedChecks
    people: Nobody
    lines: Lines

    @property
    def record(self) -> Record:
        return self.job.record

    async def run(self) -> Ending:
        return await pipeline.run(self.job)


def staged(
    tmp_path: Path,
    *,
    agent: Played,
    auditor: Played | None = None,
    checks: PlayedChecks | None = None,
    limits: Limits | None = None,
    continues: str | None = None,
    follows: int | None = None,
    earlier: Earlier | None = None,
    journal: Journal | None = None,
    **project: Any,
) -> Staged:
    """Task #7, `Mend the door`; the auditor approves unless told otherwise."""
    values = {
        "id": 7,
        "description": "Mend the door",
        "attempt": 1,
        "continues": continues,
        "metadata": {"follows": follows},
    }
    record = Record(
        task_id=7,
        attempt=1,
        project="house",
        description="Mend the door",
        started_at="2026-11-22T11:00:00.000Z",
    )
    journal = journal or open_journal(tmp_path / "jobs" / "7", record)
    auditor = auditor or Played(rest=verdict("approved"))
    workspace, people, lines = PlainWorkspace(tmp_path, earlier), Nobody(), Lines()
    checks = checks or PlayedChecks()
    job = Job(
        task=Task.read(values),
        project=ProjectConfig(name="house", **{"path": tmp_path, **project}),
        limits=limits or Limits(),
        texts=Texts(),
        journal=journal,
        workspace=workspace,
        checks=checks,
        executor=agent,
        auditor=auditor,
        people=people,
        desk=lines,
        reporter=lines,
        sessions=OneAtATime(),
        now=lambda: NOW,
    )
    return Staged(job, agent, auditor, workspace, checks, people, lines)
