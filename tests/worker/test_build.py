"""The worker as it is put together: the command, real git, a program of the project's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from claude_task_client.worker.aside import Aside, QuietDesk
from claude_task_client.worker.executor import (
    Answer,
    Desk,
    End,
    LineKind,
    Outcome,
    Question,
    QuestionKind,
    Turn,
)
from tests.running import RunningServer
from tests.worker.desk import FakeDesk
from tests.worker.repositories import Project

pytestmark = pytest.mark.slow  # a server for each test

PROGRAM = """\
import os, pathlib, sys, time
pathlib.Path("said.txt").write_text(sys.stdin.read())
pathlib.Path("seen.txt").write_text("\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items())))
while "wait" in pathlib.Path("said.txt").read_text():
    time.sleep(0.05)
print("It is done.")
"""


@dataclass
class Owner:
    """A person with a repository, a config for it, and a terminal."""

    project: Project
    server: RunningServer

    def prepare(self) -> None:
        """Write program and config."""
        program = self.project.root / "program.py"
        program.write_text(PROGRAM)
        (self.project.root / "worker.toml").write_text(
            f'[projects.app]\npath = "{self.project.path}"\nexecutor = "shell"\naudit = false\n'
            f'shell_command = ["{sys.executable}", "{program}"]\n'
            '[projects.app.environment]\nCOLOUR = "blue"\n'
        )

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ATHENA_", "CLAUDE_"))}
        told = {
            "HOME": str(self.project.home),
            "ATHENA_API_URL": self.server.url,
            "ATHENA_API_KEY": self.server.key,
            "CLAUDE_INSTANCE": "pi",
            "CLAUDE_INSTANCE_NAME": "The Pi",
            "MY_SECRET": "hush",
        }
        return {**kept, **told}

    def command(self, *words: str) -> list[str]:
        root = self.project.root
        places = ("--config", str(root / "worker.toml"), "--state", str(self.project.state))
        return [sys.executable, "-m", "claude_task_client.cli", "work", *places, *words]

    def work(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the worker to its end."""
        return subprocess.run(
            self.command(*words), env=self.environment(), capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def owner(server: RunningServer, tmp_path: Path) -> Owner:
    root = tmp_path / "owner"
    root.mkdir()
    owner = Owner(Project(root).make(), server)
    owner.prepare()
    return owner


def test_a_task_is_done_by_the_command(owner: Owner):
    """From the config file to a commit on the task's branch, and a result that names it."""
    body = {"description": "Write it down", "project": "app"}
    task_id = owner.server.ask("POST", "/api/tasks", body).body["id"]

    done = owner.work("--once")

    task = owner.server.ask("GET", f"/api/tasks/{task_id}").body
    assert (done.returncode, task["status"]) == (0, "completed"), str(task)
    branch = task["result"]["branch"]
    assert branch == f"athena/task-{task_id}"
    assert "Write it down" in owner.project.git("show", f"{branch}:said.txt")
    [instance] = owner.server.ask("GET", "/api/instances").body["instances"]
    assert (instance["name"], instance["projects"]) == ("The Pi", ["app"])


def test_a_task_sees_nothing_of_the_workers_environment(owner: Owner):
    """What its project names, and what any program needs."""
    body = {"description": "Look around", "project": "app"}
    task_id = owner.server.ask("POST", "/api/tasks", body).body["id"]

    owner.work("--once")

    seen = owner.project.git("show", f"athena/task-{task_id}:seen.txt")
    assert "COLOUR=blue" in seen
    assert f"TMPDIR={owner.project.state}/jobs/{task_id}/tmp" in seen
    for secret in (owner.server.key, "hush", "ATHENA_API_KEY"):
        assert secret not in seen


def test_nothing_to_do_is_said_by_the_exit_code(owner: Owner):
    """As by all other commands."""
    assert owner.work("--once").returncode == 4


def test_a_killed_worker_leaves_no_process_and_goes_on(owner: Owner):
    """Its program ends with it, and is begun again by the next worker."""
    body = {"description": "wait for me", "project": "app"}
    task_id = owner.server.ask("POST", "/api/tasks", body).body["id"]
    said = owner.project.state / "worktrees" / "app" / f"task-{task_id}" / "said.txt"
    worker = subprocess.Popen(owner.command(), env=owner.environment(), stderr=subprocess.DEVNULL)
    try:
        _until(lambda: said.exists() and "wait" in said.read_text())
        assert _programs(owner)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    _until(lambda: not _programs(owner))
    owner.server.ask("POST", f"/api/tasks/{task_id}/cancel")

    assert owner.work("--once").returncode == 4
    assert not (owner.project.state / "jobs" / str(task_id)).exists()


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _programs(owner: Owner) -> list[int]:
    program = str(owner.project.root / "program.py")
    processes = psutil.process_iter(["cmdline"])
    return [each.pid for each in processes if program in (each.info["cmdline"] or ())]


class Chatty:
    """An executor that does with its desk whatever one can."""

    async def run(self, turn: Turn, desk: Desk) -> Outcome:
        desk.started("another session")
        desk.log(LineKind.TEXT, "reading")
        desk.progress("reading")
        question = Question(key="k", kind=QuestionKind.APPROVAL, text="May I?", tool="Bash")
        answer = await desk.ask(question)
        assert answer is not None
        said = [*desk.inject(), answer.text, desk.is_allowed("Bash", {"command": "ls"})]
        return Outcome(end=End.FINISHED, text=str(said))


async def test_a_run_aside_is_heard_but_asks_nobody(tmp_path: Path):
    """An auditor's conversation is not the task's, and what people say is not for it."""
    desk = FakeDesk({"Bash": Answer(text="allow")})
    desk.messages.append("Hurry up")
    desk.allowed.append(("Bash", {"command": "ls"}))
    turn = Turn(task_id=1, prompt="Judge", folder=tmp_path, temporary=tmp_path)

    outcome = await Aside(Chatty()).run(turn, desk)

    assert outcome.text == "['deny', False]"
    assert (desk.sessions, desk.questions, desk.messages) == ([], [], ["Hurry up"])
    assert (desk.lines, desk.progresses) == ([(LineKind.TEXT, "reading")], ["reading"])


async def test_a_run_aside_is_told_apart_in_the_transcript(tmp_path: Path):
    """By the name of who speaks; nobody is asked all the same."""
    desk = FakeDesk({"Bash": Answer(text="allow")})
    turn = Turn(task_id=1, prompt="Judge", folder=tmp_path, temporary=tmp_path)

    outcome = await Aside(Chatty()).run(turn, QuietDesk(desk, who="Auditor"))

    assert outcome.text == "['deny', False]"
    assert desk.lines == [(LineKind.TEXT, "Auditor: reading")]
    assert desk.progresses == ["Auditor: reading"]
