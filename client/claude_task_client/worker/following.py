"""What a follow-up starts from: the branch of the task that it follows, until that was merged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from claude_task_client.wire import Task
from claude_task_client.worker.commits import FALLBACK
from claude_task_client.worker.git import Git

ID_MAX: Final = 2**63 - 1
# The same commit each time: asking again leaves no further object behind.
_WHEN: Final = {"GIT_AUTHOR_DATE": "1000000000 +0000", "GIT_COMMITTER_DATE": "1000000000 +0000"}


class Standing(StrEnum):
    """What became of the task that is followed."""

    ACCEPTED = "accepted"  # its work was judged and tested
    UNFINISHED = "unfinished"  # it has to be judged with what is built upon it
    ELSEWHERE = "elsewhere"  # of another project: a branch of that name is not its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """The task that is followed; `look` asks Athena what became of it."""

    task_id: int
    look: Callable[[], Awaitable[Standing]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """The branch of the task that is followed."""

    name: str
    standing: Standing


def branch_of(task_id: int) -> str:
    """The branch that a task has for itself."""
    return f"athena/task-{task_id}"


def followed_id(metadata: Mapping[str, object], *, task_id: int) -> int | None:
    """The task that a task's metadata names as followed. People write those: all else is none."""
    told = metadata.get("follows")
    if not isinstance(told, int) or isinstance(told, bool):
        return None
    return told if 0 < told <= ID_MAX and told != task_id else None


def standing_of(followed: Task, *, project: str | None) -> Standing:
    """What became of a task that one of this project follows."""
    if followed.project != project:
        return Standing.ELSEWHERE
    return Standing.ACCEPTED if followed.status == "completed" else Standing.UNFINISHED


async def is_merged(git: Git, work: str, base: str) -> bool:
    """Whether a branch has what another commit brings: merged, rebased, or squashed into one."""
    fork = (await git.run("merge-base", work, base, codes=(0, 1))).text
    if fork == work:
        return True
    if fork in {"", base}:
        return False
    if await _has_equals(git, work, base):
        return True
    known = git.knowing(**FALLBACK, **_WHEN)
    whole = await known.run("commit-tree", "-p", fork, "-m", "squashed", f"{work}^{{tree}}")
    return await _has_equals(git, whole.text, base)


async def _has_equals(git: Git, work: str, base: str) -> bool:
    """Whether each commit of a branch has one with the same changes in the other."""
    signs = [line[:1] for line in (await git.run("cherry", base, work)).lines]
    return bool(signs) and set(signs) == {"-"}
