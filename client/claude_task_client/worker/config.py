"""What the worker's config file says: which projects it serves, and how far it may go in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Isolation(StrEnum):
    """Where a task's work is done."""

    WORKTREE = "worktree"  # a git worktree and a branch of its own
    IN_PLACE = "in-place"  # the project's own folder, one task at a time


class ExecutorName(StrEnum):
    """What executes a task."""

    CLAUDE = "claude"
    SHELL = "shell"


Command = Sequence[str] | str
"""A program with its arguments, or a line for /bin/sh: the project owner's, never a task's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """One project: `[projects.NAME]` in the file. Spans are in seconds.

    - `environment`: variables that its tasks and checks see; `pass_environment`: names of the
      worker's own variables that they see as well
    - `protected_paths`: patterns that no task may change (`.github/**`)
    - `test_paths`: patterns of files that are tests; None: the usual ones of each language
    - `allow_project_settings`: hooks and MCP servers of the repository run
    """

    name: str
    path: Path
    repository: str | None = None
    base_branch: str | None = None
    isolation: Isolation = Isolation.WORKTREE
    executor: ExecutorName = ExecutorName.CLAUDE
    shell_command: Sequence[str] = ()
    model: str | None = None
    audit_model: str | None = None
    permission_mode: str = "acceptEdits"
    allowed_tools: Sequence[str] = ()
    protected_paths: Sequence[str] = ()
    test_paths: Sequence[str] | None = None
    allow_project_settings: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_environment: Sequence[str] = ()
    max_turns: int = 200
    max_cost_usd: float | None = None
    timeout_seconds: float = 7200.0
    silence_seconds: float = 600.0
    audit: bool = True
    generate_tests: bool = False
    test_command: Command | None = None
    test_seconds: float = 1800.0
    regression_command: Command | None = None
    regression_seconds: float = 300.0
    commit: bool = True
    push: bool = False
    remote: str = "origin"
    pull_request: bool = False
    forge: str = "github"
    forge_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often a task may go round: `[limits]`. Source: specification, section 7."""

    iterations: int = 20
    pauses: int = 5
    audits: int = 3
    test_rounds: int = 3
    feedback_every: int = 4
    patience_seconds: float = 600.0
    generated_test_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What is said to Claude without a person: `[texts]`. Names in braces are filled in."""

    go_on: str = (
        "Nobody is there to confirm. Decide yourself, go on, and finish the task. Where only a"
        " person can decide, ask with the AskUserQuestion tool."
    )
    no_end: str = "You stopped before the end. Go on, and finish the task."
    interrupted: str = (
        "You were interrupted: the worker was stopped in the middle. What you had begun may be half"
        " done: look at what is there, go on, and finish the task."
    )
    after_error: str = "That ended with an error: {error}\nTry another way, and finish the task."
    feedback: str = (
        "A word on where you are, after {iterations} rounds: the task is\n\n{task}\n\nCompare what"
        " is there with what was expected, and do what is still missing."
    )
    rejected: str = (
        "An auditor has looked at your changes and does not accept them yet:\n\n{findings}\n\nMend"
        " this. Do not weaken or delete tests."
    )
    tests_failed: str = (
        "`{command}` failed with exit code {exit_code}. The end of its output:\n\n{tail}\n\nMend"
        " the cause. Do not weaken or delete tests."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """The whole file.

    - `claude_command`: the program; None: `claude` from PATH, else the one in the Agent SDK
    - `claude_environment`: names of the worker's variables that hold Claude's own credential and
      settings, which `claude` gets and nothing else does
    - `grace_seconds`: how long running tasks may go on after SIGTERM before they are handed back
    - `disk_free_mb_min`: below this nothing is claimed
    - `watch_sources`: folders of task documents are watched as well: `[sources]`
    """

    projects: Mapping[str, ProjectConfig]
    file: Path | None = None
    jobs: int = 1
    labels: Sequence[str] = ()
    claude_command: str | None = None
    claude_environment: Sequence[str] = (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CONFIG_DIR",
    )
    lease_seconds: float = 120.0
    grace_seconds: float = 10.0
    disk_free_mb_min: int = 1024
    watch_sources: bool = True
    limits: Limits = field(default_factory=Limits)
    texts: Texts = field(default_factory=Texts)
