"""Commits that the worker makes itself: of a given tree, without hooks, once for each tree.

A repeat after a kill finds the commit, or makes it anew where no ref has it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from claude_task_client.worker.folders import current_branch
from claude_task_client.worker.git import LOCAL_SECONDS, Git, GitRefused
from claude_task_client.worker.job import WorkspaceTrouble

FALLBACK: Final = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Athena worker"), ("EMAIL", "athena-worker@localhost"))
}
SIGNING_SECONDS: Final = 30.0

Say = Callable[[str], None]
Naming = Callable[[str], str]


def message(subject: str, body: str, trailers: Mapping[str, str]) -> str:
    """A commit's message: one line, what there is to say, and the trailers."""
    first = " ".join(subject.split()) or "Work of a task"
    last = "\n".join(f"{name}: {value}" for name, value in trailers.items())
    return "\n\n".join(part for part in (first, body.strip(), last) if part) + "\n"


async def commit_tree(git: Git, base: str, tree: str, text: str, say: Say) -> str | None:
    """Commit a tree on top of HEAD; HEAD where it has that tree, None where the base has."""
    words = ("rev-parse", "HEAD", "HEAD^{tree}", f"{base}^{{tree}}")
    head, head_tree, base_tree = (await git.run(*words)).lines
    if tree == base_tree:
        return None
    return head if tree == head_tree else await _onto_head(git, head, tree, text, say)


async def check_point(git: Git, tree: str, text: str, say: Say) -> str:
    """Commit a tree where HEAD has another one, or nothing yet; the new or old HEAD."""
    head = await commit_of(git, "HEAD")
    if head is not None and (await git.run("rev-parse", "HEAD^{tree}")).text == tree:
        return head
    return await _onto_head(git, head, tree, text, say)


async def keep(git: Git, tree: str, naming: Naming) -> str | None:
    """Keep HEAD and a tree under a ref, unless a branch has both; the ref's name.

    The name comes from both, so that a repeat finds the ref.
    """
    head = await commit_of(git, "HEAD")
    if head is not None and await tree_of(git, head) == tree:
        if await _is_safe(git, head):
            return None
        await git.run("update-ref", naming(head), head)
        return naming(head)
    name = naming(f"{(head or tree)[:7]}-{tree[:7]}")
    if await commit_of(git, name) is None:
        kept = await _commit(git, head, tree, "Keep what was not committed\n")
        await git.run("update-ref", name, kept)
    return name


async def commit_aside(git: Git, head: str, tree: str) -> str:
    """A commit of a tree that no branch gets."""
    return await _commit(git, head, tree, "Keep what was not committed\n")


async def return_to_branch(git: Git, branch: str, naming: Naming | None) -> None:
    """Have the branch hold what HEAD holds, where the task has gone to another one.

    What only the branch had is kept under a ref named by `naming`; without that (in place, where
    the branch is somebody's own) it is refused. Raises: WorkspaceTrouble.
    """
    if current_branch(git.git_dir) == branch:
        return
    ref = f"refs/heads/{branch}"
    head, tip = await commit_of(git, "HEAD"), await commit_of(git, ref)
    is_lost = head is not None and tip is not None and not await is_ancestor(git, tip, head)
    if is_lost or branch == "HEAD":
        if naming is None or tip is None:
            raise WorkspaceTrouble(
                f"{git.work_tree} was on {branch}, and is on {current_branch(git.git_dir)} now:"
                f" check out {branch}, and try again."
            )
        await git.run("update-ref", naming(tip), tip)
    if head is not None:
        await git.run("update-ref", "-m", "athena: what was checked out", ref, head)
    await git.run("symbolic-ref", "HEAD", ref)


async def drop_empty_branch(git: Git, branch: str, base: str) -> None:
    """Delete a branch on which nothing was done; one that is checked out stays."""
    if await commit_of(git, f"refs/heads/{branch}") == base:
        await git.run("branch", "--quiet", "-D", branch, codes=(0, 1))


async def commit_of(git: Git, name: str) -> str | None:
    """The commit that a name stands for, if it does."""
    words = ("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")
    return (await git.run(*words, codes=(0, 1, 128))).text or None


async def tree_of(git: Git, commit: str) -> str:
    """The tree of a commit."""
    return (await git.run("rev-parse", f"{commit}^{{tree}}")).text


async def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Whether a commit is part of another one's history, or the same."""
    words = ("merge-base", "--is-ancestor", older, newer)
    return (await git.run(*words, codes=(0, 1))).code == 0


async def _is_safe(git: Git, head: str) -> bool:
    """Whether a branch, a tag or a kept ref has the commit."""
    if current_branch(git.git_dir) != "HEAD":
        return True
    return bool((await git.run("for-each-ref", "--count=1", "--contains", head)).text)


async def _onto_head(git: Git, head: str | None, tree: str, text: str, say: Say) -> str:
    try:
        made = await _commit(git, head, tree, text, *await _signing(git))
    except GitRefused as error:
        say(f"Not signed: {error}")
        made = await _commit(git, head, tree, text)
    subject = text.partition("\n")[0]
    # The old value fences out whoever has moved the branch meanwhile; all zeros: there was none.
    await git.run("update-ref", "-m", f"commit: {subject}", "HEAD", made, head or "0" * len(made))
    await git.run("reset", "--quiet")
    return made


async def _commit(git: Git, parent: str | None, tree: str, text: str, *options: str) -> str:
    by = git if await _knows_who(git) else git.knowing(**FALLBACK)
    onto = () if parent is None else ("-p", parent)
    words = ("commit-tree", *options, *onto, tree)
    seconds = SIGNING_SECONDS if options else LOCAL_SECONDS
    data = text.encode(errors="replace")
    return (await by.run(*words, data=data, timeout_seconds=seconds)).text


async def _knows_who(git: Git) -> bool:
    """Whether git is told who commits; what it would guess from the machine is not meant."""
    words = ("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    return (await git.run(*words, codes=(0, 128))).code == 0


async def _signing(git: Git) -> tuple[str, ...]:
    words = ("config", "--type=bool", "--get", "commit.gpgSign")
    return ("-S",) if (await git.run(*words, codes=(0, 1))).text == "true" else ()
