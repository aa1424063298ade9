"""A laptop with Claude Code on it: all of it is real but the model, and nobody sits there.

The program of the command line, the plugin as it is installed, Athena's server, and `claude` itself
with a home of its own; the model is scripted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.fakes.model import Request, ScriptedModel, claude_environment, claude_program
from tests.running import RunningServer

INSTANCE = "laptop"
TIMEOUT_SECONDS = 90.0
# What a session may use without a question.
ALLOWED = "Bash,mcp__plugin_athena_athena,Skill"

# Adding a marketplace asks the service for something, and waits for seconds for what is not there:
# where nothing listens it knows at once.
_NO_SERVICE = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = TIMEOUT_SECONDS) -> T:
    """What `look` gives once it gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.03)


@dataclass(frozen=True)
class Session:
    """What a run of `claude -p` has printed."""

    returncode: int
    messages: Sequence[Mapping[str, Any]]
    stderr: str

    @property
    def init(self) -> Mapping[str, Any]:
        """What it said of itself at its start."""
        return next(each for each in self.messages if each.get("subtype") == "init")

    @property
    def result(self) -> Mapping[str, Any]:
        """How it ended."""
        return next(each for each in self.messages if each["type"] == "result")

    def hooks(self, event: str) -> Sequence[Mapping[str, Any]]:
        """What hooks of this event have answered."""
        return [
            each
            for each in self.messages
            if each.get("subtype") == "hook_response" and each["hook_event"] == event
        ]


@dataclass
class Laptop:
    """One account on one machine."""

    folder: Path
    model: ScriptedModel
    server: RunningServer | None = None
    variables: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in (self.home, self.temporary, self.work):
            folder.mkdir(parents=True)
        if self.server is not None:
            self.variables.setdefault("ATHENA_API_URL", self.server.url)
            self.variables.setdefault("ATHENA_API_KEY", self.server.key)

    # --- places ---------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """The account's home."""
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        """Its TMPDIR."""
        return self.folder / "temporary"

    @property
    def work(self) -> Path:
        """Where Claude Code is started."""
        return self.folder / "my work"

    @property
    def config(self) -> Path:
        """Claude Code's settings."""
        return self.home / ".claude"

    @property
    def state(self) -> Path:
        """The client's state."""
        return self.home / ".local/state/claude-task-client"

    def sittings(self) -> list[Path]:
        """The files of running sessions."""
        return sorted(self.state.glob("claude-sessions/*.json"))

    # --- programs -------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """What every program here sees; PATH knows nothing of the client."""
        return {
            **claude_environment(self.model, home=self.home, temporary=self.temporary, retries=1),
            "PATH": os.defpath + ":/usr/local/bin:/usr/bin:/bin",
            "IS_SANDBOX": "1",  # root may do what others may
            "CLAUDE_CLI_COMMAND": str(claude_program()),
            "CLAUDE_INSTANCE": INSTANCE,
            **self.variables,
        }

    def client(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `claude-task-client`."""
        measured = {name: v for name, v in os.environ.items() if name.startswith("COVERAGE_")}
        return subprocess.run(
            [sys.executable, "-m", "claude_task_client.cli", *words],
            cwd=self.folder,
            env={**self.environment(), **_NO_SERVICE, **measured},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
        )

    def install(self) -> None:
        """Install the plugin."""
        done = self.client("plugin", "install")
        assert done.returncode == 0, done

    def claude(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the program's own commands."""
        return subprocess.run(
            [str(claude_program()), *words],
            cwd=self.work,
            env={**self.environment(), **_NO_SERVICE},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
        )

    def start(self, prompt: str, *options: str) -> subprocess.Popen[str]:
        """Start a session; it is ended with the laptop."""
        talk = ["-p", "--output-format", "stream-json", "--verbose", "--include-hook-events"]
        process = subprocess.Popen(
            [str(claude_program()), *talk, f"--allowedTools={ALLOWED}", *options],
            cwd=self.work,
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.processes.append(process)
        assert process.stdin is not None
        process.stdin.write(prompt)
        process.stdin.close()
        process.stdin = None
        return process

    def ended(self, process: subprocess.Popen[str]) -> Session:
        """A session, once it has ended."""
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        messages = [json.loads(line) for line in stdout.splitlines() if line.strip()]
        return Session(process.returncode, messages, stderr)

    def session(self, prompt: str, *options: str) -> Session:
        """A whole session with one prompt."""
        return self.ended(self.start(prompt, *options))

    def end(self) -> None:
        """Have nothing left that runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(TIMEOUT_SECONDS)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        eventually(lambda: not self.beating(), what="no heartbeats any more")

    def beating(self) -> list[int]:
        """Whose claims are renewed in the background here: the processes that do it."""
        # While one hands over to its child, a single look may come too late for the one, and too
        # early for the other.
        return self._beating() or self._beating()

    def _beating(self) -> list[int]:
        import psutil

        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if "claude_task_client.plugin.beating" in (line := process.info["cmdline"] or [])
            and str(self.state) in line
        ]

    # --- Athena and the model -------------------------------------------------------------------

    def add(self, description: str) -> int:
        """Queue a task."""
        assert self.server is not None
        body = {"description": description}
        return int(self.server.ask("POST", "/api/tasks", body).body["id"])

    def task(self, task_id: int) -> Mapping[str, Any]:
        """A task as it is now."""
        assert self.server is not None
        task: Mapping[str, Any] = self.server.ask("GET", f"/api/tasks/{task_id}").body
        return task


def heard(request: Request) -> str:
    """All that the model was told that is not its own."""
    return "\n".join(request.texts)
