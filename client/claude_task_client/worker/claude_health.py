"""Whether Claude Code is there, starts, and has something to sign in with.

Only a run can prove that a credential is accepted: that is the executor's to tell. What the
credential is, nobody here reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import Final

from claude_task_client.worker import claude_program
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.environment import PLAIN, claude_environment
from claude_task_client.worker.problem import Problem

# It takes 0.03 s; a machine that is at its limits may take a hundred times as long.
VERSION_SECONDS: Final = 30.0
STATUS_SECONDS: Final = 30.0
OUTPUT_BYTES_MAX: Final = 64 * 1024
# Hooks, deferred calls and credentials by file descriptor were seen to work with this one. Safety
# hangs on them: an older one is not trusted with a task.
VERSION_MIN: Final = (2, 1, 330)
# Variables any of which signs in by itself: there is nothing to look up then.
CREDENTIALS: Final = frozenset(
    {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}
)

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_INSTALL: Final = (
    "Install Claude Code (npm install -g @anthropic-ai/claude-code, or pip install"
    " 'claude-task-client[worker]'), or name the program as claude_command in the config."
)


async def claude_problems(
    config: WorkerConfig, environment: Mapping[str, str], *, bypassed: Sequence[str] = ()
) -> Sequence[Problem]:
    """What is wrong with Claude Code; `bypassed` are projects whose tasks ask for nothing."""
    program = claude_program.find(config.claude_command, environment)
    if program is None:
        wanted = claude_program.wanted(config.claude_command, environment)
        return [_problem("claude_missing", f"There is no program {wanted}.", _INSTALL)]
    passed = environment_of_claude(config, environment)
    code, said = await _ask([*program, "--version"], passed, VERSION_SECONDS)
    version = _VERSION.search(said)
    if code != 0 or version is None:
        detail = f"{program[0]} --version {_ended(code)}: {said.strip()[:200] or 'no output'}."
        return [_problem("claude_broken", detail, f"Run it by hand. {_INSTALL}")]
    if tuple(int(part) for part in version.groups()) < VERSION_MIN:
        return [_outdated(program[0], version[0])]
    found = [] if await _is_signed_in(program, passed) else [_signed_out(program, config)]
    if os.geteuid() == 0 and not passed.get("IS_SANDBOX"):
        found += [_bypassed_by_root(project) for project in bypassed]
    return found


def environment_of_claude(
    config: WorkerConfig, environment: Mapping[str, str]
) -> Mapping[str, str]:
    """What Claude Code may see where it is only asked about itself."""
    kept = {name: value for name, value in environment.items() if name in PLAIN}
    return {**kept, **claude_environment(environment, config.claude_environment)}


async def _is_signed_in(program: Sequence[str], environment: Mapping[str, str]) -> bool:
    """As far as can be told without a run. A program that does not say counts as signed in."""
    if any(environment.get(name) for name in CREDENTIALS):
        return True
    _, said = await _ask([*program, "auth", "status", "--json"], environment, STATUS_SECONDS)
    try:
        return json.loads(said).get("loggedIn") is not False
    except (ValueError, AttributeError):
        return True


async def _ask(
    argv: Sequence[str], environment: Mapping[str, str], seconds: float
) -> tuple[int | None, str]:
    """Exit code and output of a short program; None: it could not be run to its end."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=OUTPUT_BYTES_MAX,
            start_new_session=True,
        )
    except OSError as error:
        return None, error.strerror or str(error)
    try:
        async with asyncio.timeout(seconds):
            out, _ = await process.communicate()
    except TimeoutError:
        return None, f"no answer within {seconds:.0f} s"
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode, out[:OUTPUT_BYTES_MAX].decode("utf-8", "replace")


def _ended(code: int | None) -> str:
    return "cannot be run" if code is None else f"ended with exit code {code}"


def _outdated(program: str, version: str) -> Problem:
    needed = ".".join(str(part) for part in VERSION_MIN)
    detail = f"{program} is version {version}; the worker needs {needed} or newer."
    return _problem("claude_outdated", detail, f"Bring it up to date: {program} update")


def _bypassed_by_root(project: str) -> Problem:
    return Problem(
        code="root_cannot_bypass",
        detail=f"{project}: Claude Code refuses bypassPermissions to root.",
        advice='Run the worker as another user, or use permission_mode = "acceptEdits".',
        project=project,
    )


def _signed_out(program: Sequence[str], config: WorkerConfig) -> Problem:
    names = [name for name in config.claude_environment if name in CREDENTIALS]
    variable = f", or give the worker {' or '.join(names)}" if names else ""
    return _problem(
        "signed_out",
        "Claude Code is not signed in.",
        f"As the worker's user, run: {shlex.join(program)} auth login{variable}.",
    )


def _problem(code: str, detail: str, advice: str) -> Problem:
    return Problem(code=code, detail=detail, advice=advice)
