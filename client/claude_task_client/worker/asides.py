"""In place: a task that waits leaves the folder, and finds its work there again when it goes on.

What it had not committed is a commit under a ref meanwhile. Nothing is taken out of the folder that
no ref holds, and nothing is written over that is somebody's: each step may be repeated, whenever
the worker was killed, and whatever people have done in the folder since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from claude_task_client.worker import commits, folders
from claude_task_client.worker.exchanging import exchange
from claude_task_client.worker.git import Git, GitRefused
from claude_task_client.worker.trees import snapshot

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a task has left: `commit` on top of `head`; the same where all was committed.

    `is_clear`: the folder holds nothing of it any more.
    """

    commit: str
    head: str
    is_clear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """What the folder is to be made of `head`: `tree`, with marks in the files of `conflicts`."""

    head: str
    tree: str
    conflicts: tuple[str, ...]


async def leave(git: Git, ref: str) -> Aside:
    """Keep what is not committed under a ref; the folder stays as it is."""
    head = (await git.run("rev-parse", "--verify", "HEAD^{commit}")).text
    tree = (await snapshot(git)).id
    commit = head
    if tree != await commits.tree_of(git, head):
        commit = await commits.commit_aside(git, head, tree)
    await git.run("update-ref", ref, commit)
    return Aside(commit=commit, head=head)


async def clear(git: Git, aside: Aside, say: Say) -> None:
    """Have the folder be as its last commit, save for what was changed since `leave`."""
    trees = [await commits.tree_of(git, commit) for commit in (aside.commit, aside.head)]
    if trees[0] == trees[1]:
        return
    left = await exchange(git, *trees)
    await git.run("reset", "--quiet")
    if left:
        say(f"Changed meanwhile, and left as they are: {_listed(left)}")


async def forget(git: Git, ref: str) -> None:
    """Keep it no longer."""
    if await commits.commit_of(git, ref) is not None:
        await git.run("update-ref", "-d", ref)


async def plan(git: Git, aside: Aside, head: str, scratch: Path) -> Back:
    """What comes of putting the work on top of what the folder has now, all of it committed."""
    if head == aside.head:
        return Back(head=head, tree=await commits.tree_of(git, aside.commit), conflicts=())
    if aside.commit == aside.head:
        return Back(head=head, tree=await commits.tree_of(git, head), conflicts=())
    tree, conflicts = await _merged(git, aside, head, scratch)
    return Back(head=head, tree=tree, conflicts=tuple(conflicts))


async def give_back(git: Git, back: Back, say: Say) -> bool:
    """Put the work into the folder; whether all of it is there."""
    try:
        left = await exchange(git, await commits.tree_of(git, back.head), back.tree)
    except GitRefused as error:
        if error.transient:
            raise
        say(f"What was done before cannot be put back: {error}")
        return False
    await git.run("reset", "--quiet")
    if left:
        say(f"Changed by somebody, and left as they are: {_listed(left)}")
    return not left


async def take_back(git: Git, back: Back) -> None:
    """Undo `give_back`, however far it came."""
    await exchange(git, back.tree, await commits.tree_of(git, back.head))
    await git.run("reset", "--quiet")


async def _merged(git: Git, aside: Aside, head: str, scratch: Path) -> tuple[str, Sequence[str]]:
    """The tree of a merge, and its conflicts; made in an empty folder of its own."""
    await folders.delete(scratch)
    files = scratch / "files"
    files.mkdir(parents=True)
    labels = {f"GITHEAD_{head}": "the folder as it is now", f"GITHEAD_{aside.commit}": "this task"}
    there = replace(git, work_tree=files).knowing(GIT_INDEX_FILE=str(scratch / "index"), **labels)
    try:
        await there.run("read-tree", head)
        # Files that are not there count as unchanged: only what differs is written.
        words = ("merge-recursive", aside.head, "--", head, aside.commit)
        await there.run(*words, codes=(0, 1))
        conflicts = await _unmerged(there)
        others = (await there.run("ls-files", "-z", "--others")).out
        written = [name for name in others.split(b"\0") if name]
        written += [name for name in conflicts if _is_there(files, name)]
        await _settle(there, {k: v for k, v in conflicts.items() if k not in written})
        if written:
            data = b"".join(name + b"\0" for name in written)
            await there.run("update-index", "--add", "-z", "--stdin", data=data)
        names = sorted(name.decode(errors="surrogateescape") for name in conflicts)
        return (await there.run("write-tree")).text, names
    finally:
        await folders.delete(scratch)


async def _unmerged(git: Git) -> Mapping[bytes, bytes]:
    """The files that a merge did not settle, with mode and id of what the folder has of them.

    What it does not have is there as the task had it.
    """
    found: dict[bytes, bytes] = {}
    for entry in (await git.run("ls-files", "-z", "--unmerged")).out.split(b"\0"):
        said, _, name = entry.partition(b"\t")
        what, _, stage = said.rpartition(b" ")
        if stage == b"2" or (stage == b"3" and name not in found):
            found[name] = what
    return found


async def _settle(git: Git, entries: Mapping[bytes, bytes]) -> None:
    """One side removed them: a merge does not write the other side's file, but leaves it there."""
    data = b"".join(
        b"0 %s\t%s\0%s\t%s\0" % (b"0" * len(what.split()[1]), name, what, name)
        for name, what in entries.items()
    )
    if data:
        await git.run("update-index", "-z", "--index-info", data=data)


def _is_there(folder: Path, name: bytes) -> bool:
    path = folder / name.decode(errors="surrogateescape")
    return path.is_symlink() or path.exists()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
