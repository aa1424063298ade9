"""Real git repositories for tests, and what is seen in them from outside."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_task_client.worker.config import Isolation, ProjectConfig
from claude_task_client.worker.following import Followed, Standing
from claude_task_client.worker.workspace import GitWorkspace

PATH = os.environ["PATH"]


@dataclass
class Project:
    """A project's repository in a folder, its owner's home, and a worker's state folder."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The owner's folder."""
        return self.root / "project"

    @property
    def home(self) -> Path:
        """The owner's home."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """The worker's state folder."""
        return self.root / "state"

    @property
    def environment(self) -> dict[str, str]:
        """What the worker has in its environment."""
        return {"PATH": PATH, "HOME": str(self.home), "ATHENA_API_KEY": "ath_of_the_worker"}

    def make(self) -> Project:
        """A repository with one commit, by Ada."""
        self.home.mkdir()
        self.path.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "--global", "user.name", "Ada")
        self.git("config", "--global", "user.email", "ada@example.org")
        return self.commit("first", {"app.py": "print(1)\n", ".gitignore": "build/\n"})

    def with_remote(self) -> Project:
        """The same, with a bare remote beside it that has all of it."""
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        self.git("remote", "add", "origin", str(self.remote))
        self.git("push", "--quiet", "-u", "origin", "main")
        self.git("remote", "set-head", "origin", "main")
        return self

    @property
    def remote(self) -> Path:
        """Where the remote is."""
        return self.root / "remote.git"

    def git(self, *words: str, at: Path | None = None) -> str:
        """Run git as the owner."""
        done = subprocess.run(
            ["git", *words],
            cwd=at or self.path,
            env={**self.environment, "GIT_CONFIG_NOSYSTEM": "1"},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str], *, at: Path | None = None) -> Project:
        """Write files and commit them as the owner."""
        write(at or self.path, files)
        self.git("add", "--all", at=at)
        self.git("commit", "--quiet", "--message", message, at=at)
        return self

    def head(self, name: str = "HEAD", *, at: Path | None = None) -> str:
        """The commit that a name stands for."""
        return self.git("rev-parse", "--verify", f"{name}^{{commit}}", at=at)

    def files(self, name: str, *, at: Path | None = None) -> list[str]:
        """The files of a commit."""
        return self.git("ls-tree", "-r", "--name-only", name, at=at).splitlines()

    def refs(self, below: str) -> list[str]:
        """The names of the refs there."""
        return self.git("for-each-ref", "--format=%(refname)", below).splitlines()

    def config(self, **options: Any) -> ProjectConfig:
        """The project as the worker's config has it."""
        values: dict[str, Any] = {"name": "app", "path": self.path, **self.options, **options}
        return ProjectConfig(**values)

    def follow_up(
        self, task_id: int, *, of: int, standing: Standing = Standing.ACCEPTED, **options: Any
    ) -> GitWorkspace:
        """The workspace of a task that follows another one, which became of it."""

        async def look() -> Standing:
            return standing

        return self.workspace(task_id, Followed(task_id=of, look=look), **options)

    def workspace(
        self, task_id: int = 7, followed: Followed | None = None, **options: Any
    ) -> GitWorkspace:
        """The workspace of a task, as a worker that has just started has it."""
        return GitWorkspace(
            self.config(**options),
            task_id,
            state=self.state,
            environment=self.environment,
            say=self.said.append,
            followed=followed,
        )

    def in_place(self, task_id: int = 7, **options: Any) -> GitWorkspace:
        """The same, in the owner's folder."""
        return self.workspace(task_id, isolation=Isolation.IN_PLACE, **options)


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


async def done(workspace: GitWorkspace, subject: str = "Do it", body: str = "") -> str | None:
    """Commit what is in the workspace now."""
    return await workspace.commit(subject, body, tree=await workspace.snapshot())
