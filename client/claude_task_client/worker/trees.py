"""What is in a task's folder, as a git tree: taken without touching its index, or anything in it.

Ignored files are no work, nor are the caches that tools leave where nobody ignores them. What looks
like a secret, or is too large for a repository, is left out of what is committed, and said.
"""

from __future__ import annotations

import contextlib
import fnmatch
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final

from claude_task_client.worker.folders import exists
from claude_task_client.worker.git import Git

FILE_BYTES_MAX: Final = 50 * 1024 * 1024  # forges warn from here on, and refuse at 100 MiB
DIFF_CHARACTERS_MAX: Final = 200_000
PATCH_CHARACTERS_MIN: Final = 2_000
INDEX: Final = "athena-index"

# Never anybody's work, also where no .gitignore names them.
CACHES: Final = (
    "__pycache__/",
    "*.py[co]",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    ".tox/",
    ".venv/",
    ".coverage",
    ".coverage.*",
    ".gradle/",
    "node_modules/",
    ".DS_Store",
)

# Files that hold credentials by convention. Those a project has under version control stay there.
SECRETS: Final = (
    ".env",
    ".env.*",
    ".envrc",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".pgpass",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "*.p12",
    "*.pfx",
    "*.keystore",
)
EXAMPLES: Final = (".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")


class Kept(StrEnum):
    """Which of the new files are taken."""

    WORK = "work"  # what may be committed
    ALL = "all"  # also what may not: for keeping it on this machine


class Why(StrEnum):
    """Why a new file is left out of a commit."""

    SECRET = "secret"  # noqa: S105
    LARGE = "large"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A new file or folder that is not committed."""

    path: str
    why: Why


@dataclass(frozen=True, slots=True)
class Tree:
    """The id of a tree in git, and what is in the folder but not in it."""

    id: str
    left_out: Sequence[LeftOut]


async def snapshot(git: Git, kept: Kept = Kept.WORK) -> Tree:
    """The tree of what is in the folder now."""
    with _index_aside(git.git_dir) as index:
        aside = git.knowing(GIT_INDEX_FILE=str(index))
        left_out = await _take(aside, index, kept)
        tree = (await aside.run("write-tree")).text
    return Tree(tree, left_out)


@contextlib.asynccontextmanager
async def indexed(git: Git) -> AsyncIterator[tuple[Git, Path]]:
    """Git with an index, beside its own, of what is in the folder and may be committed."""
    with _index_aside(git.git_dir) as index:
        aside = git.knowing(GIT_INDEX_FILE=str(index))
        await _take(aside, index, Kept.WORK)
        yield aside, index


async def _take(aside: Git, index: Path, kept: Kept) -> Sequence[LeftOut]:
    """Fill an index from the folder; what is left out of it."""
    if not exists(index):
        await aside.run("read-tree", "HEAD", codes=(0, 128))  # 128: no commit yet
    await aside.run("add", "--update", "--", ":/")
    taken, left_out = _sorted_out(await _new_files(aside), aside.work_tree or Path(), kept)
    if taken:
        listed = b"".join(name + b"\0" for name in taken)
        words = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        await aside.run(*words, data=listed)
    return left_out


async def diff_text(git: Git, base: str, tree: str) -> str:
    """The patch from a commit to a tree, a summary first; long ones are cut file by file."""
    stat, patch = [
        (await git.run_cut("diff-tree", "-r", "-M", shape, base, tree)).text
        for shape in ("--stat=120,90", "--patch")
    ]
    if len(patch) > DIFF_CHARACTERS_MAX:
        patch = _cut(patch)
    return f"{stat}\n\n{patch}".strip().encode(errors="replace").decode(errors="replace")


async def embedded(git: Git) -> list[str]:
    """Folders that are repositories of their own, which git would not look into."""
    return [name.decode(errors="surrogateescape") for name in await _new_files(git) if _ends(name)]


def is_secret(path: str) -> bool:
    """Whether a file of that name holds credentials by convention."""
    name = PurePosixPath(path).name
    if name in EXAMPLES:
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in SECRETS)


async def _new_files(git: Git) -> list[bytes]:
    excluded = [f"--exclude={pattern}" for pattern in CACHES]
    words = ("ls-files", "-z", "--others", "--exclude-standard", *excluded)
    return [name for name in (await git.run(*words)).out.split(b"\0") if name]


def _sorted_out(
    names: Sequence[bytes], folder: Path, kept: Kept
) -> tuple[list[bytes], list[LeftOut]]:
    taken, left_out = [], []
    for name in names:
        path = name.decode(errors="surrogateescape")
        why = _why_not(folder, path, kept)
        if why is None:
            taken.append(name)
        else:
            left_out.append(LeftOut(path.rstrip("/"), why))
    return taken, left_out


def _why_not(folder: Path, path: str, kept: Kept) -> Why | None:
    if path.endswith("/"):
        return Why.REPOSITORY
    if kept is Kept.ALL:
        return None
    if is_secret(path):
        return Why.SECRET
    with contextlib.suppress(OSError):
        return Why.LARGE if (folder / path).lstat().st_size > FILE_BYTES_MAX else None
    return None


def _ends(name: bytes) -> bool:
    return name.endswith(b"/")


@contextlib.contextmanager
def _index_aside(git_dir: Path) -> Iterator[Path]:
    """A copy of the index; with it, what is unchanged need not be read again."""
    aside = git_dir / INDEX
    leftovers = (aside, git_dir / f"{INDEX}.lock")
    for left in leftovers:
        left.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(git_dir / "index", aside)
    try:
        yield aside
    finally:
        for left in leftovers:
            left.unlink(missing_ok=True)


def _cut(patch: str) -> str:
    """Cut the longest files first, so that a lock file does not push out the work."""
    pieces = [piece for piece in patch.split("\ndiff --git ") if piece]
    share = _share([len(piece) for piece in pieces])
    cut = [
        piece
        if len(piece) <= share
        else f"{piece[:share]}\n[{len(piece) - share} more characters of this file are left out]"
        for piece in pieces
    ]
    text = "\ndiff --git ".join(cut)
    if len(text) <= DIFF_CHARACTERS_MAX + 100 * len(pieces):
        return text
    return f"{text[:DIFF_CHARACTERS_MAX]}\n[more files were changed: see the summary]"


def _share(lengths: Sequence[int]) -> int:
    """How much each may have, so that all together fit; what short ones do not need goes on."""
    left, share = DIFF_CHARACTERS_MAX, PATCH_CHARACTERS_MIN
    for place, length in enumerate(sorted(lengths)):
        share = max(PATCH_CHARACTERS_MIN, left // (len(lengths) - place))
        if length > share:
            break
        left -= length
    return share
