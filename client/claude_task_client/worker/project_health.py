"""Whether a project's repository is there, and may be pushed to where its tasks are to be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from claude_task_client import settings
from claude_task_client.errors import BadSettings
from claude_task_client.worker import pull_requests, pushing
from claude_task_client.worker.config import Isolation, ProjectConfig
from claude_task_client.worker.git import Git, GitRefused, run_git
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.problem import Problem
from claude_task_client.worker.repository import Repository

REACH_SECONDS: Final = 30.0
# Never made: a dry run asks for the right to push it, and stops.
PROBE: Final = "refs/heads/athena/may-i-push"


async def project_problems(
    project: ProjectConfig, environment: Mapping[str, str]
) -> Sequence[Problem]:
    """What keeps tasks of the project from being done."""
    repository = Repository(project, environment, lambda _: None)
    try:
        if not project.path.exists():
            return await _can_be_cloned(project, repository)
        if (missing := what_is_missing(project)) is not None:
            return [_problem("path_missing", project, missing)]
        git = await repository.open()
        return [
            *_can_be_written(project, git),
            *await _has_a_commit(project, git),
            *await _can_be_pushed(project, git, repository),
            *await _can_be_asked_for(project, git, environment),
        ]
    except WorkspaceTrouble as error:
        return [_problem("repository_unusable", project, str(error))]


def what_is_missing(project: ProjectConfig) -> str | None:
    """That its folder is not there, and what to do. None: it is, or would be cloned."""
    if _is_empty(project.path):  # as where a disk is to be mounted that is not
        return f"{project.path} is empty.\nMount what belongs there, or correct path in the config."
    if project.repository is not None or project.path.exists():
        return None
    return (
        f"{project.path} is not there."
        "\nPut it back, correct path in the config, or name a repository to clone."
    )


def _is_empty(folder: Path) -> bool:
    try:
        return not any(folder.iterdir())
    except OSError:
        return False


async def _can_be_cloned(project: ProjectConfig, repository: Repository) -> Sequence[Problem]:
    address = project.repository
    if address is None:
        return [_problem("path_missing", project, what_is_missing(project) or "")]
    try:
        answer = await run_git(
            ("ls-remote", "--quiet", "--", address, "HEAD"),
            folder=Path("/"),
            environment=repository.environment,
            timeout_seconds=REACH_SECONDS,
        )
        refusal = None if answer.code == 0 else GitRefused("ls-remote", answer.said)
    except GitRefused as error:
        refusal = error
    if refusal is None:
        return []
    refused = repository.refused(f"Cannot reach {address}", address, refusal)
    return [_problem("repository_refused", project, str(refused))]


def _can_be_written(project: ProjectConfig, git: Git) -> Iterator[Problem]:
    wanted = [git.git_dir]
    if project.isolation is Isolation.IN_PLACE:
        wanted.append(project.path)
    for folder in wanted:
        if not os.access(folder, os.W_OK | os.X_OK):
            text = (
                f"{folder} cannot be written by this user."
                f"\nSee whose it is: ls -ld {folder}. A service may write only where its unit says:"
                f" claude-task-client work install {project.name}"
            )
            yield _problem("path_not_writable", project, text)


async def _has_a_commit(project: ProjectConfig, git: Git) -> Sequence[Problem]:
    answer = await git.run("rev-list", "--all", "--max-count=1")
    if answer.text:
        return []
    text = (
        f"{project.path} has no commit yet."
        f"\nMake a first one: git -C {project.path} commit --allow-empty -m 'First commit'"
    )
    return [_problem("no_commit", project, text)]


async def _can_be_pushed(
    project: ProjectConfig, git: Git, repository: Repository
) -> Sequence[Problem]:
    """A remote that is merely away is none: commits wait here, and are pushed later."""
    if not project.push:
        return []
    address = await pushing.address_of(git, project.remote)
    commit = (await git.run("rev-list", "--all", "--max-count=1")).text
    if not commit:
        return []
    words = ("push", "--dry-run", "--quiet", "--no-verify", project.remote, f"{commit}:{PROBE}")
    try:
        await git.reach(*words, timeout_seconds=REACH_SECONDS)
    except GitRefused as error:
        refused = repository.refused(f"May not push to {project.remote}", address, error)
        return [] if refused.transient else [_problem("push_refused", project, str(refused))]
    return []


async def _can_be_asked_for(
    project: ProjectConfig, git: Git, environment: Mapping[str, str]
) -> Sequence[Problem]:
    if not project.pull_request:
        return []
    try:
        await pull_requests.forge(git, project, settings.forge_token(environment))
    except (WorkspaceTrouble, BadSettings) as error:
        return [_problem("no_pull_requests", project, str(error))]
    return []


def _problem(code: str, project: ProjectConfig, text: str) -> Problem:
    """Of a sentence with advice on the lines behind it."""
    detail, _, advice = text.partition("\n")
    return Problem(
        code=code,
        detail=f"{project.name}: {detail}",
        advice=advice or f"See what git says: git -C {project.path} status",
        project=project.name,
    )
