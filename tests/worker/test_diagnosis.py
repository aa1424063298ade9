"""What `doctor` says of the worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click.testing
import pytest

from claude_task_client.cli import group
from claude_task_client.worker import locking

CONFIG = ".config/claude-task-client"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one repository, and a program that answers as `claude`."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", str(tmp_path / "app")], check=True)
    subprocess.run(
        ["git", *who, "-C", str(tmp_path / "app"), "commit", "-q", "--allow-empty", "-m", "x"],
        check=True,
    )
    (tmp_path / "claude").write_text("#!/bin/sh\necho 2.1.330\n", "utf-8")
    (tmp_path / "claude").chmod(0o755)
    (tmp_path / CONFIG).mkdir(parents=True)
    return tmp_path


def worker_lines(
    home: Path, config: str | None, key: str | None = "dummy"
) -> list[dict[str, object]]:
    if config is not None:
        (home / CONFIG / "worker.toml").write_text(config, "utf-8")
    environment = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": None,
        "XDG_STATE_HOME": None,
        "ANTHROPIC_API_KEY": key,
        "ATHENA_API_URL": "not an address",  # the worker's part needs no Athena
        "CLAUDE_CLI_COMMAND": str(home / "claude"),
    }
    done = click.testing.CliRunner().invoke(group, ["doctor", "--json"], env=environment)
    checks = json.loads(done.stdout)["checks"]
    return [check for check in checks if check["name"] == "worker"]


def test_without_a_config_nothing_is_said(home):
    assert worker_lines(home, None) == []


@pytest.mark.skipif(sys.platform != "linux", reason="where the state folder is")
def test_a_worker_that_is_well_is_one_line(home):
    """What it may work on, and whether it runs."""
    config = '[projects.app]\npath = "~/app"\n'
    (idle,) = worker_lines(home, config)
    with locking.held(home / ".local/state/claude-task-client/worker"):
        (running,) = worker_lines(home, config)

    assert (idle["ok"], idle["detail"]) == (True, "may work on app, not running")
    assert running["detail"] == f"may work on app, running as pid {os.getpid()}"


def test_each_problem_says_what_to_do(home):
    config = (
        f'disk_free_mb_min = 1000000000\nclaude_command = "x"\n[projects.app]\npath="{home}/app"\n'
    )

    (problem,) = worker_lines(home, config)

    assert (problem["ok"], "Free some space" in str(problem["advice"])) == (False, True)


def test_a_config_that_cannot_be_used_is_told_by_line(home):
    problems = worker_lines(home, "jobs = 0\nx = 1\n")

    assert [str(each["detail"]).split(":")[1] for each in problems] == ["1", "1", "2"]


def test_a_credential_of_the_services_alone_counts(home):
    """It stands in a file that the services read, and no terminal knows of."""
    answer = '[ "$1" = auth ] && echo \'{"loggedIn": false}\' || echo 2.1.330'
    (home / "claude").write_text(f"#!/bin/sh\n{answer}\n", "utf-8")
    config = '[projects.app]\npath = "~/app"\n'

    (before,) = worker_lines(home, config, key=None)
    (home / CONFIG / "worker.env").write_text("# mine\nANTHROPIC_API_KEY='dummy'\n", "utf-8")
    (after,) = worker_lines(home, config, key=None)

    assert (before["ok"], after["ok"]) == (False, True)
