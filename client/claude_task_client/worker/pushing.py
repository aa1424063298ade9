"""Pushes a task's branch: never by force, and a repeat changes nothing."""

from __future__ import annotations

from typing import Final

from claude_task_client.worker.commits import is_ancestor
from claude_task_client.worker.folders import exists, shared_folder
from claude_task_client.worker.git import Git, GitRefused
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.repository import Repository

PUSH_SECONDS: Final = 600.0
LOOK_SECONDS: Final = 60.0


async def push(git: Git, branch: str, remote: str, repository: Repository) -> None:
    """Push the branch under its own name. Raises: WorkspaceTrouble."""
    ref = f"refs/heads/{branch}"
    address = await address_of(git, remote)
    try:
        if exists(shared_folder(git.git_dir) / "lfs"):
            # What the hook of Git LFS does, which does not run here.
            await git.reach("lfs", "push", remote, branch, timeout_seconds=PUSH_SECONDS)
        words = ("push", "--quiet", "--no-verify", "--no-follow-tags", remote, f"{ref}:{ref}")
        await git.reach(*words, timeout_seconds=PUSH_SECONDS)
    except GitRefused as error:
        if "[rejected]" not in error.said:
            raise repository.refused(f"Cannot push {branch}", address, error) from error
        if not await _has_it(git, ref, remote):
            raise WorkspaceTrouble(
                f"{branch} at {remote} has commits that the work here lacks, and is never"
                " overwritten: merge what is there, or delete it, and try again. The work is on"
                f" {branch} of this machine."
            ) from error


async def address_of(git: Git, remote: str) -> str:
    """Where a remote is. Raises: WorkspaceTrouble where there is no such remote."""
    try:
        return (await git.run("remote", "get-url", "--push", remote)).text
    except GitRefused as error:
        raise WorkspaceTrouble(
            f"The repository has no remote {remote}.\nAdd one, or turn `push` off."
        ) from error


async def _has_it(git: Git, ref: str, remote: str) -> bool:
    """Whether the remote's branch only goes on from ours, which was then pushed before."""
    words = ("fetch", "--quiet", "--no-tags", remote, ref)
    await git.reach(*words, timeout_seconds=LOOK_SECONDS)
    return await is_ancestor(git, ref, "FETCH_HEAD")
