"""A task sees what is named, and nothing else of the worker's environment."""

from __future__ import annotations

import sys
from pathlib import Path

from claude_task_client.worker import processes
from claude_task_client.worker.environment import (
    claude_environment,
    run_id,
    run_prefix,
    secrets_by_file,
    task_environment,
)

WORKERS = {
    "PATH": "/bin",
    "HOME": "/home/worker",
    "LC_ALL": "C.UTF-8",
    "TMPDIR": "/tmp",
    "ATHENA_API_KEY": "ath_secret",
    "ATHENA_API_URL": "http://athena",
    "GITHUB_TOKEN": "ghp_secret",
    "ANTHROPIC_API_KEY": "sk-secret",
    "SSH_AUTH_SOCK": "/run/agent",
    "NPM_TOKEN": "npm_secret",
}


def test_a_task_gets_the_plain_variables_and_those_that_are_named(tmp_path: Path):
    """A secret that nobody thought of does not pass, for nothing passes by itself."""
    environment = task_environment(
        WORKERS, temporary=tmp_path, passed=["SSH_AUTH_SOCK", "NOT_THERE"], run_id="r1"
    )

    assert environment == {
        "PATH": "/bin",
        "HOME": "/home/worker",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(tmp_path),
        "SSH_AUTH_SOCK": "/run/agent",
        "ATHENA_RUN": "r1",
    }


def test_the_key_of_athena_never_passes(tmp_path: Path):
    """Not even where a config names it: what a task is told, it can tell."""
    environment = task_environment(
        WORKERS, temporary=tmp_path, passed=["ATHENA_API_KEY"], run_id="r1"
    )
    claudes = claude_environment(WORKERS, ["ATHENA_API_KEY", "ANTHROPIC_API_KEY"])

    assert "ATHENA_API_KEY" not in environment | claudes
    assert claudes["ANTHROPIC_API_KEY"] == "sk-secret"


def test_credentials_that_the_program_reads_from_a_file_leave_the_environment():
    """So that no process of the task finds them in any environment."""
    kept, secrets = secrets_by_file(
        {
            "ANTHROPIC_API_KEY": "sk-1",
            "ANTHROPIC_BASE_URL": "http://x",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
        }
    )

    assert kept == {"ANTHROPIC_BASE_URL": "http://x"}
    assert secrets == {"CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR": "sk-1"}


def test_runs_of_two_workers_are_told_apart(tmp_path: Path):
    """A worker ends the strays of its own state folder only."""
    first, second = tmp_path / "worker", tmp_path / "worker-2"

    name = run_id(second, task_id=12, attempt=1, number=3)

    assert name.startswith(run_prefix(second))
    assert not name.startswith(run_prefix(first))


async def test_a_secret_is_read_once_from_an_open_file(tmp_path: Path):
    """Whoever looks later, in the program or its keeper, finds nothing."""
    script = (
        "import os; number = int(os.environ['SECRET_FILE'])\n"
        "print([os.read(number, 100), os.read(number, 100)])\n"
        "print(os.path.exists(f'/proc/{os.getppid()}/fd/{number}'))"
    )

    async with processes.start(
        [sys.executable, "-c", script],
        folder=tmp_path,
        environment={},
        run_id="test-secret",
        secrets={"SECRET_FILE": "sk-1"},
    ) as process:
        lines = [line async for line in process.lines()]

    assert lines == [b"[b'sk-1', b'']", b"False"], process.error_tail
