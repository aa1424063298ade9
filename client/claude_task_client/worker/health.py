"""Whether this worker can do what it claims: looked at before it claims, not by a failed task."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from claude_task_client import settings
from claude_task_client.worker.claude_health import claude_problems
from claude_task_client.worker.config import ExecutorName, ProjectConfig, WorkerConfig
from claude_task_client.worker.config_file import default_state
from claude_task_client.worker.problem import Health, Problem
from claude_task_client.worker.project_health import project_problems, what_is_missing

# How long what was found good counts. What was found bad is looked at anew: it is being mended.
CLAUDE_FRESH_SECONDS: Final = 300.0
PROJECT_FRESH_SECONDS: Final = 1800.0
# Side by side; more at once would only wait for each other.
PROJECTS_AT_ONCE: Final = 4
MEBIBYTE: Final = 1024 * 1024

Look = Callable[[], Awaitable[Sequence[Problem]]]


async def examine(
    config: WorkerConfig,
    *,
    state: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Health:
    """Look at everything once."""
    return await Examination(config, state=state, environment=environment)()


class Examination:
    """Looks at what a worker needs, whenever it is called; what was good a moment ago is not
    looked at again, so that it may be called as often as one likes.

    - `projects`: those of the config that are served; None: all
    - `environment`: the worker's own
    """

    def __init__(
        self,
        config: WorkerConfig,
        *,
        state: Path | None = None,
        environment: Mapping[str, str] | None = None,
        projects: Sequence[str] | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._state = state or default_state()
        self._environment = settings.own_environment() if environment is None else environment
        names = config.projects if projects is None else projects
        self._projects = [config.projects[name] for name in names]
        self._seconds = seconds
        self._good_until: dict[str, float] = {}
        self._at_once = asyncio.Semaphore(PROJECTS_AT_ONCE)

    async def __call__(self) -> Health:
        """What is wrong now, the most fundamental first."""
        found = [*self._folder(), *self._disk(), *self._git()]
        if any(needs_claude(project) for project in self._projects):
            found += await self._kept("claude", CLAUDE_FRESH_SECONDS, self._claude)
        if shutil.which("git", path=self._environment.get("PATH")) is not None:
            looks = [self._look_at(project) for project in self._projects]
            found += [problem for each in await asyncio.gather(*looks) for problem in each]
        return Health(
            problems=tuple(found), projects=tuple(project.name for project in self._projects)
        )

    async def _claude(self) -> Sequence[Problem]:
        bypass = [p.name for p in self._projects if p.permission_mode == "bypassPermissions"]
        return await claude_problems(self._config, self._environment, bypassed=bypass)

    async def _look_at(self, project: ProjectConfig) -> Sequence[Problem]:
        async def look() -> Sequence[Problem]:
            async with self._at_once:
                return await project_problems(project, self._environment)

        name = f"project {project.name}"
        if not project.path.exists() or what_is_missing(
            project
        ):  # whatever it was before: no task can be done in it
            self._good_until.pop(name, None)
        return await self._kept(name, PROJECT_FRESH_SECONDS, look)

    async def _kept(self, name: str, fresh_seconds: float, look: Look) -> Sequence[Problem]:
        if self._seconds() < self._good_until.get(name, 0.0):
            return ()
        found = await look()
        self._good_until[name] = 0.0 if found else self._seconds() + fresh_seconds
        return found

    def _folder(self) -> Iterator[Problem]:
        try:
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=self._state) as probe:
                probe.write(b"x")
        except OSError as error:
            yield Problem(
                code="state_not_writable",
                detail=f"Cannot write to {self._state}: {error.strerror or error}.",
                advice="Give this user the right to write there, or name another folder: --state",
            )

    def _disk(self) -> Iterator[Problem]:
        """The work is done below the state folder and, in git's own folders, in the repository."""
        places: list[tuple[str | None, Path]] = [(None, self._state)]
        places += [(project.name, project.path) for project in self._projects]
        of_all = None
        for project, folder in places:
            there = next((each for each in (folder, *folder.parents) if each.exists()), None)
            if there is None or (device := there.stat().st_dev) == of_all:
                continue
            of_all = device if project is None else of_all
            free = shutil.disk_usage(there).free
            if free < self._config.disk_free_mb_min * MEBIBYTE:
                yield self._disk_full(project, there, free // MEBIBYTE)

    def _disk_full(self, project: str | None, folder: Path, free_mb: int) -> Problem:
        whose = "" if project is None else f"{project}: "
        return Problem(
            code="disk_full",
            detail=f"{whose}{free_mb} MiB are free in {folder}: less than the"
            f" {self._config.disk_free_mb_min} MiB of disk_free_mb_min.",
            advice=f"Free some space there. What tasks have left behind: du -sh {self._state}/*",
            project=project,
        )

    def _git(self) -> Iterator[Problem]:
        if shutil.which("git", path=self._environment.get("PATH")) is None:
            yield Problem(
                code="git_missing",
                detail="There is no git on this worker's PATH.",
                advice="Install it (apt install git; xcode-select --install), and start the"
                " worker again.",
            )


def needs_claude(project: ProjectConfig) -> bool:
    """Whether a task of the project runs Claude Code, as its executor or to be judged."""
    return project.executor is ExecutorName.CLAUDE or project.audit
