"""The folders of worktrees, and how git knows them: looked at and mended without a process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import stat
from pathlib import Path
from typing import Final

from claude_task_client.worker.job import WorkspaceTrouble

REMOVING: Final = ".removing-"
_SYMBOLIC: Final = "ref: "
_HALF_MERGED: Final = (
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "rebase-merge",
    "rebase-apply",
)


def exists(path: Path) -> bool:
    """Whether something is there."""
    return path.exists()


def registration(shared: Path, folder: Path) -> Path | None:
    """Where a repository keeps what it knows of a worktree; None where it knows of none."""
    wanted = folder.resolve() / ".git"
    for note in shared.glob("worktrees/*/gitdir"):
        with contextlib.suppress(OSError):
            if Path(note.read_text(encoding="utf-8").strip()).resolve() == wanted:
                return note.parent
    return None


def tie(folder: Path, git_dir: Path) -> None:
    """Have the worktree's `.git` lead where it belongs, whatever was made of it."""
    link, content = folder / ".git", f"gitdir: {git_dir}\n"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if link.read_text(encoding="utf-8") == content:
            return
    if link.is_dir() and not link.is_symlink():
        link.rename(_free(f"{folder}.git.kept"))  # a repository that the task has made there
    link.unlink(missing_ok=True)
    link.write_text(content, encoding="utf-8")


def unlock(git_dir: Path, branch: str) -> None:
    """Take away the locks that a git which was killed has left on a worktree and its branch."""
    ours = shared_folder(git_dir) / "refs" / "heads" / f"{branch}.lock"
    for lock in (git_dir / "index.lock", git_dir / "HEAD.lock", ours):
        lock.unlink(missing_ok=True)


def private_folder(path: Path) -> Path:
    """Where the HEAD and index of a work tree are. Raises: WorkspaceTrouble where it is none."""
    inside = path / ".git"
    if inside.is_dir():
        return inside.resolve()
    if inside.is_file():
        content = inside.read_text(encoding="utf-8")
        return (path / content.removeprefix("gitdir:").strip()).resolve()
    if (path / "HEAD").is_file() and (path / "objects").is_dir():
        return path.resolve()
    raise WorkspaceTrouble(f"{path} is no git repository: name its top folder, or run `git init`.")


def shared_folder(git_dir: Path) -> Path:
    """Where the refs and objects are that a work tree shares with others."""
    try:
        return (git_dir / (git_dir / "commondir").read_text(encoding="utf-8").strip()).resolve()
    except FileNotFoundError:
        return git_dir


def symbolic(path: Path) -> str:
    """The ref that a symbolic one stands for; empty where it is none."""
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return content.removeprefix(_SYMBOLIC) if content.startswith(_SYMBOLIC) else ""


def current_branch(git_dir: Path) -> str:
    """The branch that is checked out; `HEAD` where none is."""
    return symbolic(git_dir / "HEAD").removeprefix("refs/heads/") or "HEAD"


def refuse_half_merged(folder: Path, git_dir: Path) -> None:
    """Raises: WorkspaceTrouble in the middle of somebody's merge or rebase."""
    found = next((name for name in _HALF_MERGED if (git_dir / name).exists()), None)
    if found is not None:
        raise WorkspaceTrouble(
            f"{folder} is in the middle of a merge or rebase ({found}): finish it, or abort it."
        )


def put_aside(path: Path) -> Path | None:
    """Give what is there another name, so that nothing of it is lost; the name, if it has one."""
    if not (path.exists() or path.is_symlink()):
        return None
    with contextlib.suppress(OSError):
        path.rmdir()
        return None
    aside = _free(f"{path}.kept")
    path.rename(aside)
    return aside


async def delete(folder: Path) -> None:
    """Remove a folder; it is gone at once, and its content as soon as may be.

    What an interrupted removal has left of it goes as well.
    """
    _put_away(folder)
    for aside in folder.parent.glob(f"{REMOVING}{folder.name}-*"):
        await asyncio.to_thread(_delete_all, aside)


async def sweep(home: Path) -> None:
    """Remove the rest of folders whose removal was interrupted."""
    for left in _left(home):
        await asyncio.to_thread(_delete_all, left)


def _left(home: Path) -> list[Path]:
    return list(home.glob(f"{REMOVING}*"))


def _put_away(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        folder.rename(_free(str(folder.with_name(f"{REMOVING}{folder.name}"))))


def _free(beginning: str) -> Path:
    """A name that nothing has."""
    names = (Path(f"{beginning}-{number}") for number in itertools.count(1))
    return next(name for name in names if not (name.exists() or name.is_symlink()))


def _delete_all(path: Path) -> None:
    """As `rm -rf`, also where a folder may not be written into. Links are not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for folder, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
