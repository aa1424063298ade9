"""The keys of the worker's config file: each once, with its field, what it may be, and its help.

Defaults are those of the fields. The page docs/worker.md says the same words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Final

from claude_task_client.worker import values
from claude_task_client.worker.config import (
    ExecutorName,
    Isolation,
    Texts,
)
from claude_task_client.worker.values import Reader

PERMISSION_MODES: Final = ("default", "acceptEdits", "dontAsk", "auto", "bypassPermissions")
FORGES: Final = ("github", "gitlab", "gitea", "forgejo")
JOBS_MAX: Final = 64
WEEK_SECONDS: Final = 7 * values.DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file: which field it fills, who reads it, what it is for."""

    name: str
    field: str
    read: Reader
    help: str


def worker_keys() -> Sequence[Key]:
    """What stands at the top of the file."""
    return (
        Key("jobs", "jobs", values.whole(1, JOBS_MAX), "how many tasks run at a time"),
        Key(
            "labels",
            "labels",
            values.each(values.slug),
            "what this machine is or has: tasks for such a target fit here",
        ),
        Key(
            "claude_command",
            "claude_command",
            values.text,
            "the program, where it is not `claude` from PATH; `CLAUDE_CLI_COMMAND` goes first",
        ),
        Key(
            "claude_environment",
            "claude_environment",
            values.each(values.variable),
            "variables of the worker that hold Claude Code's credential and settings: `claude`"
            " alone gets them",
        ),
        Key(
            "lease",
            "lease_seconds",
            values.span(15, values.DAY_SECONDS),
            "for how long a task stays this worker's after its last sign of life",
        ),
        Key(
            "grace",
            "grace_seconds",
            values.span(0, 3600),
            "how long tasks may go on after SIGTERM or SIGINT before they are handed back",
        ),
        Key(
            "disk_free_mb_min",
            "disk_free_mb_min",
            values.whole(0, 10**9),
            "with less free disk space than so many MiB nothing is claimed",
        ),
    )


def project_keys(folder: Path) -> Sequence[Key]:
    """What stands in `[projects.NAME]` of a file in `folder`."""
    return (
        Key(
            "path",
            "path",
            values.path(folder),
            "the repository on this machine; `repository` is cloned there where it is missing",
        ),
        Key(
            "repository",
            "repository",
            values.repository,
            "where to clone from, by SSH or HTTPS; `path` may be left out then",
        ),
        Key(
            "base_branch",
            "base_branch",
            values.reference,
            "what tasks start from, and where pull requests go",
        ),
        Key(
            "isolation",
            "isolation",
            lambda value: Isolation(values.one_of(*Isolation)(value)),
            "`worktree`: a folder and branch `athena/task-N` for each task; `in-place`: the"
            " repository's own folder, one task at a time",
        ),
        Key(
            "executor",
            "executor",
            lambda value: ExecutorName(values.one_of(*ExecutorName)(value)),
            "`claude`, or `shell`: `shell_command` is run in place of Claude Code",
        ),
        Key(
            "shell_command",
            "shell_command",
            values.arguments,
            "the program of the executor `shell`; it gets the task's text on standard input,"
            " and what was wrong behind it where the work came back. Exit code 0 is done; any other"
            " fails the attempt",
        ),
        Key("model", "model", values.text, "the model that does the work"),
        Key("audit_model", "audit_model", values.text, "the model that judges it"),
        Key(
            "permission_mode",
            "permission_mode",
            values.one_of(*PERMISSION_MODES),
            "Claude Code's own word for what needs no question; what is left goes to a person",
        ),
        Key(
            "allowed_tools",
            "allowed_tools",
            values.each(values.tool),
            "what needs no question besides, as in `Bash(make test:*)`",
        ),
        Key(
            "protected_paths",
            "protected_paths",
            values.each(values.pattern),
            "files that no task may change, as in `.github/**`",
        ),
        Key(
            "test_paths",
            "test_paths",
            values.each(values.pattern),
            "which files are tests, that must be neither deleted nor weakened",
        ),
        Key(
            "allow_project_settings",
            "allow_project_settings",
            values.flag,
            "hooks and MCP servers of the repository run",
        ),
        Key(
            "environment",
            "environment",
            values.environment,
            "variables that tasks and checks see",
        ),
        Key(
            "pass_environment",
            "pass_environment",
            values.each(values.variable),
            "variables of the worker that they see as well, such as `SSH_AUTH_SOCK`",
        ),
        Key("max_turns", "max_turns", values.whole(1, 10_000), "turns of one run of Claude"),
        Key(
            "max_cost_usd",
            "max_cost_usd",
            values.money,
            "what a task may cost; checked after each call, so that it may be a little more",
        ),
        Key(
            "timeout",
            "timeout_seconds",
            values.span(1, WEEK_SECONDS),
            "how long one run of Claude may take",
        ),
        Key(
            "silence",
            "silence_seconds",
            values.span(1, WEEK_SECONDS),
            "a run without a message for so long counts as dead",
        ),
        Key("audit", "audit", values.flag, "a second agent, which only reads, judges the work"),
        Key(
            "generate_tests",
            "generate_tests",
            values.flag,
            "tests for the task are written and run as well",
        ),
        Key(
            "test_command",
            "test_command",
            values.command,
            "run after each round; a task never completes while it fails",
        ),
        Key(
            "test_timeout",
            "test_seconds",
            values.span(1, WEEK_SECONDS),
            "how long `test_command` may take",
        ),
        Key(
            "regression_command",
            "regression_command",
            values.command,
            "run once before the commit",
        ),
        Key(
            "regression_timeout",
            "regression_seconds",
            values.span(1, WEEK_SECONDS),
            "how long `regression_command` may take",
        ),
        Key("commit", "commit", values.flag, "what was accepted is committed"),
        Key("push", "push", values.flag, "the branch is pushed"),
        Key("remote", "remote", values.reference, "where it is pushed to"),
        Key("pull_request", "pull_request", values.flag, "a pull request is opened"),
        Key("forge", "forge", values.one_of(*FORGES), "what runs where the pull request goes"),
        Key(
            "forge_url",
            "forge_url",
            values.web_address,
            "the address of its API, where it is not the one of the remote's host",
        ),
    )


def source_keys() -> Sequence[Key]:
    """What stands in `[sources]`."""
    return (
        Key(
            "watch",
            "watch_sources",
            values.flag,
            "the folders of task documents that `claude-task-client sources list` shows are watched"
            " as well: those of the projects served here, and those without a project",
        ),
    )


def limit_keys() -> Sequence[Key]:
    """What stands in `[limits]`."""
    return (
        Key("iterations", "iterations", values.whole(1, 1000), "rounds of Claude in a task"),
        Key(
            "pauses",
            "pauses",
            values.whole(0, 1000),
            "how often Claude is told to go on where it stops short",
        ),
        Key("audits", "audits", values.whole(1, 100), "rounds of audit"),
        Key("test_rounds", "test_rounds", values.whole(1, 100), "rounds of tests"),
        Key(
            "feedback_every",
            "feedback_every",
            values.whole(0, 1000),
            "after so many rounds Claude is reminded of the task; 0: never",
        ),
        Key(
            "patience",
            "patience_seconds",
            values.span(0, values.DAY_SECONDS),
            "how long a run waits for a person's answer before the task is parked",
        ),
        Key(
            "generated_test_timeout",
            "generated_test_seconds",
            values.span(1, values.DAY_SECONDS),
            "how long one generated test may take",
        ),
    )


_TEXT_HELP: Final = {
    "interrupted": "where a run was cut short, and the conversation is resumed",
    "go_on": "where Claude asks whether to go on",
    "no_end": "where it stops without an end",
    "after_error": "after an error",
    "feedback": "every `feedback_every` rounds",
    "rejected": "where the audit found something",
    "tests_failed": "where tests fail",
}


def text_keys() -> Sequence[Key]:
    """What stands in `[texts]`. The names in braces are those of the default."""
    return tuple(
        Key(
            each.name,
            each.name,
            values.template(values.fields_of(str(each.default))),
            _TEXT_HELP[each.name],
        )
        for each in fields(Texts)
    )


def default_text(kind: type, field: str) -> str:
    """What holds where the file says nothing, as the file would say it; empty: nothing holds."""
    (found,) = (each for each in fields(kind) if each.name == field)
    default = found.default if found.default_factory is MISSING else found.default_factory()
    if default is MISSING or default is None or default in ((), {}):
        return ""
    if field.endswith("_seconds"):
        return json.dumps(values.span_text(float(default)))
    return json.dumps(list(default) if isinstance(default, tuple) else default)
