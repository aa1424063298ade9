"""The commands as their users run them: a process, an environment, a home of its own."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.running import RunningServer

TIMEOUT_SECONDS = 60


@dataclass
class Terminal:
    """Runs `claude-task-client` for one instance at one Athena."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """What the command sees: this machine's environment, without anybody's settings."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ATHENA_", "CLAUDE_", "XDG_"))
        }
        return {**kept, "HOME": str(self.home), "USERPROFILE": str(self.home), **self.variables}

    def command(self, *words: str) -> list[str]:
        """The command line; `-m` and the script are the same thing."""
        return [sys.executable, "-m", "claude_task_client.cli", *words]

    def run(
        self, *words: str, stdin: str = "", extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words),
            input=stdin,
            env={**self.environment(), **(extra or {})},
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
        )

    def json(self, *words: str, stdin: str = "") -> Any:
        """What a command prints with --json, which must be its only output and succeed."""
        done = self.run(*words, "--json", stdin=stdin)
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command that the test ends."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            **options,
        )

    def claims_file(self) -> Path:
        """Where it remembers what it holds (on Linux)."""
        return self.home / ".local/state/claude-task-client/claims.json"

    def config_file(self) -> Path:
        """Where `login` writes (on Linux)."""
        return self.home / ".config/claude-task-client/config.toml"


@pytest.fixture(scope="session")
def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that leave it as they found it: a start of it takes a second."""
    server = RunningServer(tmp_path_factory.mktemp("lasting")).start()
    yield server
    server.end()


@pytest.fixture
def athena(lasting_server: RunningServer) -> Iterator[RunningServer]:
    """A real server with an empty queue."""
    yield lasting_server
    for pause in lasting_server.ask("POST", "/api/resume").body["paused"]:
        lasting_server.ask("POST", "/api/resume", pause)
    while True:
        open_tasks = lasting_server.ask("GET", "/api/tasks?status=pending,in_progress").body[
            "tasks"
        ]
        if not open_tasks:
            break
        for task in open_tasks:
            lasting_server.ask("POST", f"/api/tasks/{task['id']}/cancel")


_NUMBERS = itertools.count(1)


def at(server: RunningServer, home: Path, **variables: str) -> Terminal:
    """A terminal signed in by its environment, for an instance that nobody else is."""
    own = {
        "ATHENA_API_URL": server.url,
        "ATHENA_API_KEY": server.key,
        "CLAUDE_INSTANCE": f"instance-{next(_NUMBERS)}",
    }
    return Terminal(home, {**own, **variables})


@pytest.fixture
def laptop(athena: RunningServer, tmp_path: Path) -> Terminal:
    """One instance."""
    return at(athena, tmp_path / "laptop")


@pytest.fixture
def desktop(athena: RunningServer, tmp_path: Path) -> Terminal:
    """Another instance."""
    return at(athena, tmp_path / "desktop")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A terminal that is signed in nowhere."""
    return Terminal(tmp_path / "home")
