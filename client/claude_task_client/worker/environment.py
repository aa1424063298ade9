"""What a task may see of the worker's environment: a short list, and what the config names.

The worker holds secrets (Athena's key, a forge's token). A task gets none of them, so its
environment is made from nothing, by name, and never by leaving something out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from claude_task_client.worker.strays import RUN_VARIABLE

# What programs need to work at all, and to find their person's own settings.
PLAIN: Final = frozenset(
    "PATH HOME LANG LANGUAGE TERM USER LOGNAME SHELL TZ TMPDIR XDG_RUNTIME_DIR".split()
)
LOCALE_PREFIX: Final = "LC_"
# Athena's own never pass, even if a config names them: what a task is told, it can tell.
NEVER_PREFIX: Final = "ATHENA_"
RUN_PREFIX: Final = "athena-"

# Claude Code reports home and updates itself otherwise; a worker does neither behind its owner.
CLAUDE_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}
# With `--add-dir` of the folder this reads the project's CLAUDE.md without its other settings.
CLAUDE_MEMORY: Final = {"CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD": "1"}

# Credentials that the program also takes from an open file, where no process of the task finds
# them: neither its environment nor /proc/*/environ shows them (seen with 2.1.330; decision 0009).
BY_FILE: Final = {
    "ANTHROPIC_API_KEY": "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN": "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
}


def task_environment(
    own: Mapping[str, str], *, temporary: Path, passed: Sequence[str] = (), run_id: str
) -> dict[str, str]:
    """The environment of a task's programs, from the worker's `own`.

    `passed` names what the project lets through besides; `run_id` marks every process of the run.
    """
    names = PLAIN.union(passed)
    kept = {
        name: value
        for name, value in own.items()
        if (name in names or name.startswith(LOCALE_PREFIX)) and not name.startswith(NEVER_PREFIX)
    }
    return {**kept, "TMPDIR": str(temporary), RUN_VARIABLE: run_id}


def claude_environment(own: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """What the program itself gets beside the task's environment: its sign-in, by name."""
    kept = {name: own[name] for name in names if own.get(name)}
    return {**CLAUDE_QUIET, **{k: v for k, v in kept.items() if not k.startswith(NEVER_PREFIX)}}


def secrets_by_file(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The environment without the credentials that can go by file, and those, by variable."""
    kept = {name: value for name, value in environment.items() if name not in BY_FILE}
    secrets = {BY_FILE[name]: environment[name] for name in BY_FILE if environment.get(name)}
    return kept, secrets


def run_id(state: Path, *, task_id: int, attempt: int, number: int) -> str:
    """A name for one run, unlike that of any other worker on this machine."""
    return f"{run_prefix(state)}{task_id}/{attempt}/{number}"


def run_prefix(state: Path) -> str:
    """How the names of all runs of the worker with this state folder begin."""
    return f"{RUN_PREFIX}{state.resolve()}#"
