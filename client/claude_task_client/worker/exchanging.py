"""Changes the files of a folder from one tree to another, and nothing that is somebody else's."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from claude_task_client.worker.git import Git, GitRefused
from claude_task_client.worker.trees import indexed

_GONE: Final = "000000"


class _Change(NamedTuple):
    """What becomes of a file; a mode is `000000` where there is none."""

    was: str
    mode: str
    id: str


async def exchange(git: Git, before: str, after: str) -> Sequence[str]:
    """Have each file that is as in tree `before` be as in tree `after`.

    One that is as in neither was changed by somebody, and stays: those are given back. So it may be
    repeated, whatever came of it before. Ignored files are not seen, and never written over.

    Raises: GitRefused where something is in the way; then nothing was changed.
    """
    async with indexed(git) as (aside, index):
        now = (await aside.run("write-tree")).text
        wanted = await _changes(aside, before, after)
        from_before = await _changes(aside, before, now)
        from_after = await _changes(aside, after, now)
        left = sorted(name for name in wanted if name in from_before and name in from_after)
        change = {name: what for name, what in wanted.items() if name not in from_before}
        if change:
            _refuse_hidden(aside.work_tree or Path(), change)
            target = await _changed(aside, index, change)
            await aside.run("read-tree", "-m", "-u", now, target)
    return left


async def _changes(git: Git, one: str, other: str) -> Mapping[str, _Change]:
    """The files that differ, by name."""
    words = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", one, other)
    told = (await git.run(*words)).out.decode(errors="surrogateescape").split("\0")
    # In pairs: `:mode mode id id status`, and the name.
    return {name: _change(said) for said, name in zip(told[::2], told[1::2], strict=False)}


def _change(said: str) -> _Change:
    was, mode, _, id_, _ = said.removeprefix(":").split(" ")
    return _Change(was, mode, id_)


def _refuse_hidden(folder: Path, change: Mapping[str, _Change]) -> None:
    """Raises: GitRefused where something is in the way that no tree has: git writes over it."""
    for name, what in change.items():
        if what.was == _GONE and (found := _in_the_way(folder, name, change)) is not None:
            raise GitRefused("read-tree", f"{found} is in the way, and is ignored by git")


def _in_the_way(folder: Path, name: str, change: Mapping[str, _Change]) -> str | None:
    path = folder / name
    for above in path.parents:
        if above == folder:
            break
        known = str(above.relative_to(folder))
        if (above.is_symlink() or above.is_file()) and known not in change:
            return known
    if path.is_dir() and not path.is_symlink():
        inside = (file for file in path.rglob("*") if file.is_symlink() or not file.is_dir())
        names = (str(file.relative_to(folder)) for file in inside)
        return next((each for each in names if each not in change), None)
    return name if path.is_symlink() or path.exists() else None


async def _changed(git: Git, index: Path, change: Mapping[str, _Change]) -> str:
    """The tree of an index with changes."""
    copy = index.with_name(f"{index.name}-target")
    try:
        shutil.copy2(index, copy)
        # Those that go come first: a file may become a folder, or the reverse.
        ordered = sorted(change.items(), key=lambda item: (item[1].mode != _GONE, item[0]))
        data = "".join(f"{what.mode} {what.id}\t{name}\0" for name, what in ordered)
        there = git.knowing(GIT_INDEX_FILE=str(copy))
        told = data.encode(errors="surrogateescape")
        await there.run("update-index", "-z", "--index-info", data=told)
        return (await there.run("write-tree")).text
    finally:
        copy.unlink(missing_ok=True)
        copy.with_name(f"{copy.name}.lock").unlink(missing_ok=True)
