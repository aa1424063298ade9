"""The worker's own eyes on what a task has changed: a sentence for whatever should not be so.

Protected files, files that hold secrets, links that lead out, conflicts that were left, tests that
were deleted or weakened, and test commands that were made to do nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from claude_task_client.worker import build_files, weakening
from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.git import Git
from claude_task_client.worker.job import Doubt
from claude_task_client.worker.languages import is_test_file
from claude_task_client.worker.path_patterns import compiled, fits
from claude_task_client.worker.trees import LeftOut, Tree, Why, is_secret

FINDINGS_MAX: Final = 50
BLOB_BYTES_MAX: Final = 1024 * 1024
BLOBS_BYTES_MAX: Final = 16 * 1024 * 1024

# What runs in the next session of Claude Code, or in anybody's. A person changes these.
ALWAYS_PROTECTED: Final = compiled(
    (".git", ".claude/settings*.json", ".claude/hooks/", ".mcp.json", ".claude-plugin/")
)

_LINK: Final = "120000"
_NO_BLOB: Final = frozenset({"0" * 40, "0" * 64})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file that differs. `status` is git's letter: added, deleted, modified, renamed, type."""

    status: str
    path: str
    old_path: str
    mode: str
    old_blob: str
    new_blob: str


async def findings(git: Git, base: str, tree: Tree, project: ProjectConfig) -> Sequence[str]:
    """What is wrong with the changes from a commit to a tree, the worst first."""
    changes = await _changes(git, base, tree.id)
    marked = await _marked(git, base, tree.id)
    texts = await _texts(git, _wanted(changes, marked, project))
    sources = _sources(changes, texts, project)
    found = [
        *_protected(changes, project),
        *(_left_out(left) for left in tree.left_out),
        *_secrets({c.path for c in changes if c.status == "A"} | await _ever_added(git, base)),
        *_links(changes, texts),
        *_conflicts(changes, marked, texts),
        # Comparing many tests takes a while: other tasks go on meanwhile.
        *map(Doubt, await asyncio.to_thread(lambda: list(weakening.findings(sources)))),
        *map(Doubt, _commands(changes, texts)),
    ]
    if len(found) > FINDINGS_MAX:
        found[FINDINGS_MAX:] = [f"There are {len(found) - FINDINGS_MAX} more findings."]
    return found


# --- what git tells ---------------------------------------------------------------------------


async def _changes(git: Git, base: str, tree: str) -> list[Change]:
    words = ("diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", base, tree)
    fields = iter((await git.run(*words)).out.decode(errors="surrogateescape").split("\0"))
    found = []
    for head in fields:
        if not head:
            break
        _, mode, old_blob, new_blob, status = head.split(" ")
        old_path = next(fields)
        path = next(fields) if status[0] in "RC" else old_path
        found.append(
            Change(
                status=status[0],
                path=path,
                old_path=old_path,
                mode=mode,
                old_blob=old_blob,
                new_blob=new_blob,
            )
        )
    return found


async def _texts(git: Git, blobs: Sequence[str]) -> Mapping[str, str]:
    """The texts of blobs by their ids; those that are too large for a text are left out."""
    if not blobs:
        return {}
    asked = "\n".join(blobs).encode()
    sizes = (await git.run("cat-file", "--batch-check", data=asked)).lines
    small, left = [], BLOBS_BYTES_MAX
    for name, kind, size in (line.split() for line in sizes if len(line.split()) == 3):
        if kind == "blob" and int(size) <= min(BLOB_BYTES_MAX, left):
            small.append(name)
            left -= int(size)
    if not small:
        return {}
    answer = await git.run("cat-file", "--batch", data="\n".join(small).encode())
    return dict(_blobs(answer.out))


def _blobs(out: bytes) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(out):
        end = out.index(b"\n", place)
        name, _, size = out[place:end].decode().split(" ")
        content = out[end + 1 : end + 1 + int(size)]
        yield name, content.decode("utf-8", errors="replace").replace("\r\n", "\n")
        place = end + 2 + int(size)


async def _ever_added(git: Git, base: str) -> set[str]:
    """The files that any commit since the base has added."""
    words = ("log", "--format=", "--name-only", "--no-renames", "--diff-filter=A", "-z")
    out = (await git.run(*words, f"{base}..HEAD", codes=(0, 128))).out  # 128: no HEAD any more
    return {name.decode(errors="surrogateescape").strip() for name in out.split(b"\0") if name}


async def _marked(git: Git, base: str, tree: str) -> set[str]:
    """The files with new lines that git takes for marks of a conflict, as a heading may be."""
    answer = await git.run("diff-tree", "-r", "--check", base, tree, codes=(0, 2))
    lines = answer.out.decode(errors="surrogateescape").splitlines()
    ours = (line for line in lines if line.endswith(": leftover conflict marker"))
    return {line.rsplit(":", 2)[0] for line in ours}


# --- what is looked for -----------------------------------------------------------------------


def _wanted(changes: Sequence[Change], marked: Container[str], project: ProjectConfig) -> list[str]:
    """The blobs whose text is looked at."""
    wanted = [
        blob
        for change in changes
        if _has_tests(change, project)
        or build_files.is_one(change.path)
        or build_files.is_one(change.old_path)
        or change.mode == _LINK
        or change.path in marked
        for blob in (change.old_blob, change.new_blob)
    ]
    return [blob for blob in dict.fromkeys(wanted) if blob not in _NO_BLOB]


def _protected(changes: Sequence[Change], project: ProjectConfig) -> Iterator[str]:
    patterns = compiled(project.protected_paths)
    for change in changes:
        for path in dict.fromkeys((change.old_path, change.path)):
            if fits(path, patterns) or fits(path, ALWAYS_PROTECTED):
                yield f"{path}: this file is protected: no task may change it. Undo the change."


def _left_out(left: LeftOut) -> str:
    match left.why:
        case Why.SECRET:
            return (
                f"{left.path}: this looks like a file with secrets, and is not committed. Have it"
                " ignored, or give it the name of an example (`.env.example`)."
            )
        case Why.LARGE:
            return f"{left.path}: this file is too large to commit. Have it ignored, or remove it."
        case Why.REPOSITORY:
            return (
                f"{left.path}: this folder is a repository of its own, so nothing of it is"
                " committed. Remove its `.git`, or have it ignored."
            )


def _secrets(added: Iterable[str]) -> Iterator[str]:
    """Also of files that are gone again: a push would publish the commit that had them."""
    for path in sorted(added):
        if is_secret(path):
            yield (
                f"{path}: this looks like a file with secrets."
                " Take it out of the branch, and out of each of its commits."
            )


def _links(changes: Sequence[Change], texts: Mapping[str, str]) -> Iterator[str]:
    for change in changes:
        target = texts.get(change.new_blob, "") if change.mode == _LINK else ""
        if target and _leads_out(change.path, target):
            yield f"{change.path}: this link leads out of the repository, to {target}. Remove it."


def _conflicts(
    changes: Sequence[Change], marked: Container[str], texts: Mapping[str, str]
) -> Iterator[str]:
    for change in changes:
        lines = texts.get(change.new_blob, "").split("\n") if change.path in marked else []
        number = next((n for n, line in enumerate(lines, 1) if line.startswith("<<<<<<< ")), None)
        if number is not None and any(line.startswith(">>>>>>> ") for line in lines):
            yield f"{change.path}:{number}: a conflict of a merge was left here. Resolve it."


def _leads_out(path: str, target: str) -> bool:
    if target.startswith("/"):
        return True
    depth = len(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def _sources(
    changes: Sequence[Change], texts: Mapping[str, str], project: ProjectConfig
) -> list[weakening.Source]:
    """The files with tests before and after; of one that is no test file any more, nothing."""
    dropped = {
        _subject(c.old_path)
        for c in changes
        if c.status == "D" and not _is_test(c.old_path, project)
    }
    return [
        weakening.Source(
            path=change.path,
            old_path=change.old_path,
            old=texts.get(change.old_blob, "") if _is_test(change.old_path, project) else "",
            new=texts.get(change.new_blob, "") if _is_test(change.path, project) else "",
        )
        for change in changes
        if _has_tests(change, project)
        # What was tested is gone as well: whether it may go is for the auditor.
        and not (change.status == "D" and _subject(change.old_path) in dropped)
    ]


def _has_tests(change: Change, project: ProjectConfig) -> bool:
    return _is_test(change.path, project) or _is_test(change.old_path, project)


def _is_test(path: str, project: ProjectConfig) -> bool:
    if project.test_paths is None:
        return is_test_file(path)
    return fits(path, compiled(project.test_paths))


def _subject(path: str) -> str:
    """What a file is about: `tests/test_app.py` and `src/app.py` are about the same."""
    stem = PurePosixPath(path).name.partition(".")[0].lower()
    for affix in ("test_", "spec_"):
        stem = stem.removeprefix(affix)
    for affix in ("_test", "_spec", "tests", "test", "spec"):
        stem = stem.removesuffix(affix)
    return stem


def _commands(changes: Sequence[Change], texts: Mapping[str, str]) -> Iterator[str]:
    for change in changes:
        if build_files.is_one(change.old_path) and change.status != "A":
            old, new = texts.get(change.old_blob, ""), texts.get(change.new_blob, "")
            yield from build_files.findings(change.path, old, new)
