"""What it means to execute one turn of a task: what goes in, what can come out.

An executor knows neither Athena nor git. It runs one program to its end in a folder, tells what it
sees, asks through the `Desk` where a person has to decide, and leaves no process behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run of the program.

    - `prompt`: what is said to it; None goes on with the call that was deferred in `session_id`
    - `session_id`: the conversation to resume; None starts one, under `new_session_id`
    - `folder`: where it works; `temporary`: its own TMPDIR, which exists
    - `may_write`: False for the auditor, which reads only and is never asked about
    - `allowed_tools`: what needs no person, in Claude Code's own notation (`Bash(make test:*)`)
    - `schema`: of the structured answer that is wanted, if one is
    - `silence_seconds`: without a message for so long, the run counts as dead
    - waiting for a person counts neither as silence nor towards `timeout_seconds`
    """

    task_id: int
    prompt: str | None
    folder: Path
    temporary: Path
    session_id: str | None = None
    new_session_id: str | None = None
    system_append: str = ""
    model: str | None = None
    permission_mode: str = "default"
    allowed_tools: Sequence[str] = ()
    may_write: bool = True
    allow_project_settings: bool = False
    schema: Mapping[str, object] | None = None
    max_turns: int | None = None
    max_cost_usd: float | None = None
    timeout_seconds: float = 7200.0
    silence_seconds: float = 600.0


class LineKind(StrEnum):
    """What a line of the transcript is."""

    TEXT = "text"
    TOOL = "tool"
    RESULT = "result"
    SYSTEM = "system"
    ERROR = "error"
    TEST = "test"
    GIT = "git"


class QuestionKind(StrEnum):
    """What kind of answer is wanted."""

    TEXT = "text"
    CHOICE = "choice"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked. `key` is made of what is asked, so a repeat has the same."""

    key: str
    kind: QuestionKind
    text: str
    choices: Sequence[str] = ()
    tool: str | None = None
    input: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answered: a text, or `allow`, `allow_project`, `deny` to an approval."""

    text: str
    note: str | None = None
    answered_by: str | None = None


class Desk(Protocol):
    """Whom the executor turns to while the program runs."""

    async def ask(self, question: Question) -> Answer | None:
        """The answer, waiting for as long as a process may wait; None: nobody answered in time.

        Of None the executor makes an outcome `DEFERRED`, with the question.
        """

    def is_allowed(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        """Whether a person has allowed such a call before, for the whole project."""

    def log(self, kind: LineKind, text: str) -> None:
        """Write a line of the transcript."""

    def progress(self, message: str) -> None:
        """Say what is being done now."""

    def started(self, session_id: str) -> None:
        """The conversation has this id; it can be resumed from now on."""

    def inject(self) -> Sequence[str]:
        """What people have said to the running task since this was last asked."""


class End(StrEnum):
    """How a run ended."""

    FINISHED = "finished"  # it said its last word
    FAILED = "failed"  # it ended with an error of its own
    MAX_TURNS = "max_turns"
    MAX_COST = "max_cost"
    DEFERRED = "deferred"  # a question is open, the conversation waits for the answer
    USAGE_LIMIT = "usage_limit"  # nothing goes before `resets_at`
    API_UNAVAILABLE = "api_unavailable"  # the model's API, after all retries
    SIGNED_OUT = "signed_out"  # the credential is refused or missing
    SESSION_LOST = "session_lost"  # the conversation to resume does not exist here
    SILENT = "silent"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"  # the program went away without a result


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run used. Costs are the run's own, not the conversation's."""

    total_cost_usd: float = 0.0
    num_turns: int = 0
    duration_ms: int = 0
    duration_api_ms: int = 0
    input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in USAGE_FIELDS})


USAGE_FIELDS: tuple[str, ...] = tuple(Usage.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended, and what is known of it.

    `text` is the program's last word; `error` says what went wrong, for a person; `denied` names
    the tools that were refused.
    """

    end: End
    text: str = ""
    error: str | None = None
    session_id: str | None = None
    usage: Usage = field(default_factory=Usage)
    structured: Mapping[str, object] | None = None
    question: Question | None = None
    resets_at: datetime | None = None
    denied: Sequence[str] = ()


class Executor(Protocol):
    """A way to have a turn executed."""

    async def run(self, turn: Turn, desk: Desk) -> Outcome:
        """Run to the end. Cancelled, it ends every process of the run before it raises."""
