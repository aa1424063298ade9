"""A whole place of work: Athena, a repository with its remote, a scripted model, and a worker.

All of it is real but the model: the server's process, git, the worker's process, `claude` itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.fakes.model import (
    Call,
    Request,
    ScriptedModel,
    Step,
    bash,
    claude_environment,
    claude_program,
    read,
    structured,
    write,
)
from tests.running import RunningServer

PROJECT = "house"
INSTANCE = "pi"
CANARY = "canary-9a1c-of-the-worker"
TIMEOUT_SECONDS = 90.0

T = TypeVar("T")

_SEED = {
    "door.py": "def is_open():\n    return False\n",
    "test_door.py": (
        "import unittest\n\nimport door\n\n\nclass Door(unittest.TestCase):\n"
        "    def test_it_is_closed(self):\n        self.assertFalse(door.is_open())\n\n\n"
        'if __name__ == "__main__":\n    unittest.main()\n'
    ),
    ".gitignore": "__pycache__/\n",
}

TESTS = f"{sys.executable} -m unittest -q test_door"


def here(request: Request) -> Path:
    """The folder that `claude` works in, as it tells the model."""
    found = re.search(r"\S*/worktrees/[\w-]+/task-\d+", "\n".join([*request.texts, request.system]))
    assert found is not None, request.texts
    return Path(found[0])


def writes(name: str, text: str) -> Step:
    """The model writes a file of the project."""
    return lambda request: write(here(request) / name, text)


def reads(name: str) -> Step:
    """The model reads a file of the project: without that it may not write over it."""
    return lambda request: read(here(request) / name)


def runs(command: str) -> Step:
    """The model runs a command."""
    return bash(command)


def rejects(*findings: str) -> Sequence[Step]:
    """The auditor does not accept the work."""
    told = [{"text": finding} for finding in findings]
    return [Call("StructuredOutput", {"verdict": "rejected", "findings": told})]


def approves() -> Sequence[Step]:
    """The auditor accepts the work."""
    return [structured(verdict="approved", findings=[])]


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = TIMEOUT_SECONDS) -> T:
    """What `look` gives once it gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.03)


@dataclass
class Workshop:
    """One machine with a worker, and all that it works with."""

    folder: Path
    server: RunningServer
    model: ScriptedModel
    project: dict[str, Any] = field(default_factory=dict)
    worker_keys: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    more_projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Variables of the worker; an empty one is left out.
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("home", "temporary"):
            (self.folder / name).mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main", str(self.origin), folder=self.folder)
        self.git("init", "-q", "-b", "main", str(self.repository), folder=self.folder)
        for name, text in _SEED.items():
            (self.repository / name).write_text(text, "utf-8")
        self.git("add", ".")
        self.git("commit", "-qm", "Build the door")
        self.git("remote", "add", "origin", str(self.origin))
        self.git("push", "-q", "-u", "origin", "main")

    # --- places ---------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """The home of worker and `claude`."""
        return self.folder / "home"

    @property
    def repository(self) -> Path:
        """The project's own folder."""
        return self.folder / PROJECT

    @property
    def origin(self) -> Path:
        """Its remote."""
        return self.folder / "origin.git"

    @property
    def state(self) -> Path:
        """The worker's state folder."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """All that the workers of this place have printed."""
        return self.folder / "worker.log"

    def worktree(self, task_id: int) -> Path:
        """Where a task is worked on."""
        return self.state / "worktrees" / PROJECT / f"task-{task_id}"

    def git(self, *arguments: str, folder: Path | None = None) -> str:
        """What git says."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder or self.repository,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "GIT_AUTHOR_NAME": "Ada",
                "GIT_AUTHOR_EMAIL": "ada@example.org",
                "GIT_COMMITTER_NAME": "Ada",
                "GIT_COMMITTER_EMAIL": "ada@example.org",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def file(self, branch: str, name: str) -> str:
        """A file's text on a branch of the repository."""
        return self.git("show", f"{branch}:{name}")

    # --- the worker -----------------------------------------------------------------------------

    def work(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a worker; it is ended with the place.

        One that ends by itself is waited for: two do not work on one state folder.
        """
        for process in self.processes:
            if {"--once", "--cycles"}.intersection(process.args):  # type: ignore[arg-type]
                process.wait(TIMEOUT_SECONDS)
        config = self.folder / "worker.toml"
        config.write_text(self._config(), "utf-8")
        command = [sys.executable, "-m", "claude_task_client.cli", "work"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, "--config", str(config), "--state", str(self.state), *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        own = claude_environment(
            self.model, home=self.home, temporary=self.folder / "temporary", retries=1
        )
        told = {
            **own,
            "ATHENA_API_URL": self.server.url,
            "ATHENA_API_KEY": self.server.key,
            "CLAUDE_INSTANCE": INSTANCE,
            "CLAUDE_CLI_COMMAND": str(claude_program()),
            "MY_SECRET": CANARY,
            **{name: v for name, v in os.environ.items() if name.startswith("COVERAGE_")},
            **self.environment,
        }
        return {name: value for name, value in told.items() if value}

    def _config(self) -> str:
        keys: dict[str, Any] = {
            "claude_environment": [
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
                "CLAUDE_CODE_MAX_RETRIES",
                "DISABLE_AUTOUPDATER",
            ],
            "disk_free_mb_min": 0,
            **self.worker_keys,
        }
        project = {"path": str(self.repository), "test_command": TESTS, **self.project}
        tables = {"limits": self.limits, f"projects.{PROJECT}": project}
        tables |= {f"projects.{name}": more for name, more in self.more_projects.items()}
        told = "".join(f"\n[{name}]\n{_lines(table)}" for name, table in tables.items())
        return _lines(keys) + told

    # --- tasks ----------------------------------------------------------------------------------

    def script(
        self, name: str, *turns: Sequence[Step], auditor: Sequence[Sequence[Step]] | None = None
    ) -> None:
        """What the model does with the tasks of this name; the auditor approves all by itself."""
        approving = [[structured(verdict="approved", findings=[])]] * 1_000
        self.model.script(name, *turns, auditor=approving if auditor is None else auditor)

    def add(self, script: str, **fields: Any) -> int:
        """Submit a task that the model plays this script for."""
        body = {"description": f"[script: {script}] Open the door", "project": PROJECT, **fields}
        answer = self.server.ask("POST", "/api/tasks", body)
        assert answer.status == 201, answer.body
        return int(answer.body["id"])

    def task(self, task_id: int) -> dict[str, Any]:
        """The task as it is."""
        found = self.server.ask("GET", f"/api/tasks/{task_id}").body
        assert isinstance(found, dict)
        return found

    def until(
        self, task_id: int, *statuses: str, seconds: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        """The task once it has one of these statuses."""

        def look() -> dict[str, Any] | None:
            task = self.task(task_id)
            return task if task["status"] in statuses else None

        try:
            return eventually(look, what=f"#{task_id} is {' or '.join(statuses)}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(task_id)}") from None

    def ended(self, task_id: int, *, seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """The task once it has ended."""
        return self.until(task_id, "completed", "failed", "cancelled", seconds=seconds)

    def events(self, task_id: int) -> list[str]:
        """What happened to the task, as the types of its events."""
        told = self.server.ask("GET", f"/api/tasks/{task_id}/events?limit=500").body
        return [event["type"] for event in told["events"]]

    def transcript(self, task_id: int) -> str:
        """What the worker has told of its work."""
        told = self.server.ask("GET", f"/api/tasks/{task_id}/log?limit=500").body
        return "\n".join(f"{line['kind']}: {line['text']}" for line in told["lines"])

    def questions(self, status: str = "open") -> list[dict[str, Any]]:
        """What people are asked."""
        told = self.server.ask("GET", f"/api/questions?status={status}").body
        return list(told["questions"])

    def question(self) -> dict[str, Any]:
        """The one open question, once it is there."""
        found = eventually(self.questions, what="a question is asked")
        return dict(found[0])

    def answer(self, question: Mapping[str, Any], text: str, **more: Any) -> None:
        """A person answers."""
        path = f"/api/questions/{question['id']}/answer"
        answer = self.server.ask("POST", path, {"answer": text, "answered_by": "alice", **more})
        assert answer.status == 200, answer.body

    def story(self, task_id: int) -> str:
        """All that helps to understand a failure."""
        parts = [
            json.dumps(self.task(task_id), indent=1),
            "\n".join(self.events(task_id)),
            self.transcript(task_id),
            self.log.read_text("utf-8", "replace")[-6000:] if self.log.exists() else "",
        ]
        return "\n---\n".join(parts)

    # --- what is left ---------------------------------------------------------------------------

    def runs(self) -> list[psutil.Process]:
        """Processes that belong to a task's run, wherever they hang."""
        found = []
        for process in psutil.process_iter():
            try:
                environment = process.environ()
                folder = process.cwd()
            except (psutil.Error, OSError):
                continue
            mine = str(self.folder) in (environment.get("TMPDIR", "") + folder)
            if mine and "ATHENA_RUN" in environment:
                found.append(process)
        return found

    def check_nothing_is_left(self, *, jobs: Sequence[int] = ()) -> None:
        """No process, worktree, or temporary folder but those of `jobs`."""
        eventually(lambda: not self.runs(), what="no process of a run is left", seconds=30)
        worktrees = self.state / "worktrees" / PROJECT
        journals = self.state / "jobs"
        expected = sorted(f"task-{task_id}" for task_id in jobs)

        def only_those() -> bool:
            kept = sorted(path.name for path in worktrees.glob("*") if path.is_dir())
            named = sorted(f"task-{path.name}" for path in journals.glob("*"))
            return kept == expected and named == expected

        try:
            eventually(only_those, what=f"worktrees and journals of {expected} alone", seconds=30)
        except AssertionError as error:
            kept = sorted(str(path) for path in [*worktrees.glob("*"), *journals.glob("*")])
            raise AssertionError(f"{error}: {kept}") from None
        listed = self.git("worktree", "list", "--porcelain").count("worktree ")
        assert listed == 1 + len(jobs)
        assert not list((self.folder / "temporary").glob("*claude*"))
        assert not self.git("status", "--porcelain")

    def end(self) -> None:
        """End every worker; what they leave behind is ended as well, and is a fault."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stray in self.runs():
            stray.kill()


def _lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
