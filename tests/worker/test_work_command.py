"""`claude-task-client work` before it works: what it refuses, and what it says to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


class Home:
    """A home with a repository and a config for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "init", "-q", str(folder / "app")], check=True)
        self.config = folder / "worker.toml"
        self.config.write_text(f'[projects.app]\npath = "{folder}/app"\n', "utf-8")

    def work(self, *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
        """In a process of its own: a worker changes what others may see of its process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        told = {"HOME": str(self.folder), "ATHENA_API_KEY": key, "ATHENA_API_URL": ""}
        command = [sys.executable, "-m", "claude_task_client.cli"]
        return subprocess.run(
            [*command, "work", "--config", str(self.config), *words],
            env={**kept, **told},
            capture_output=True,
            text=True,
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_whoever_is_not_signed_in_is_told_how(home):
    done = home.work()

    assert (done.returncode, "claude-task-client login" in done.stderr) == (2, True)


def test_projects_that_the_config_lacks_are_refused(home):
    done = home.work("--project", "other", key="ath_0123456789abcdef")

    assert done.returncode == 2
    assert "there are app" in done.stderr


def test_a_config_that_cannot_be_used_ends_it_for_good(home):
    """Exit code 2, with which no service starts again before somebody has mended it."""
    home.config.write_text("jobs = 0\nx = 1\n", "utf-8")

    done = home.work()

    assert done.returncode == 2
    assert f"{home.config}:1: jobs must be" in done.stderr
    assert f"{home.config}:2: x is no setting" in done.stderr


def test_help_names_what_belongs_to_it(home):
    shown = home.work("--help").stdout

    for name in ("init", "install", "logs", "status", "uninstall"):
        assert f"  {name} " in shown


def test_help_needs_nothing_that_windows_lacks():
    """There the worker says where it runs; but the commands can be listed."""
    code = (
        "import sys; sys.modules['claude_task_client.worker.locking'] = sys.modules['pwd'] = None\n"
        "from claude_task_client.commands import work\n"
        "from click.testing import CliRunner\n"
        "sys.exit(CliRunner().invoke(work.command, ['--help']).exit_code)"
    )

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
