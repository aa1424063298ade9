"""The repository of a project, shared by its tasks, other workers and its owner.

What git itself does not let several do at once is done by one at a time, under a lock beside it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from claude_task_client.worker import refusals
from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.folders import private_folder, shared_folder, symbolic
from claude_task_client.worker.following import Branch, Standing, is_merged
from claude_task_client.worker.git import Git, GitRefused, alone, git_environment, run_git
from claude_task_client.worker.job import Earlier, WorkspaceTrouble

CLONE_SECONDS: Final = 1_800.0
FETCH_SECONDS: Final = 60.0
FRESH_SECONDS: Final = 15.0
LOCK: Final = "athena.lock"
FETCHED: Final = "athena-fetched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a task's branch begins: at `tip`. `base` is what its changes are seen from.

    `earlier`: where the work of the task is that it follows, if it follows one.
    """

    base: str
    tip: str
    earlier: Earlier | None = None


class Repository:
    """Opened once a use; `say` hears what a person may want to know."""

    def __init__(
        self, project: ProjectConfig, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self._project = project
        self.environment = git_environment(environment)
        self._say = say
        self._home = Path(environment.get("HOME") or Path.home())

    async def open(self) -> Git:
        """Git on what all its folders share; the repository is cloned first where it is missing.

        Raises: WorkspaceTrouble.
        """
        if not _is_there(self._project.path):
            await self._clone()
        return Git(
            git_dir=shared_folder(private_folder(self._project.path)), environment=self.environment
        )

    @contextlib.asynccontextmanager
    async def alone(self, git: Git) -> AsyncIterator[Git]:
        """For what must not be done twice at once; git as it is to be used meanwhile."""
        async with alone(git.git_dir / LOCK) as held:
            yield replace(git, held=(*git.held, held))

    async def fetch(self, git: Git) -> None:
        """Learn what is new at the remote, unless that was done a moment ago. Needs `alone`.

        Offline the task goes on with what is there.
        """
        if not has_remote(git, self._project.remote) or _is_fresh(git.git_dir):
            return
        words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", self._project.remote)
        try:
            await git.reach(*words, timeout_seconds=FETCH_SECONDS)
        except GitRefused as error:
            told = self.refused(f"Cannot fetch from {self._project.remote}", "", error)
            self._say(f"{told}\nGoing on with what is here.")
        _note_fetch(git.git_dir)

    async def start(self, git: Git, branch: str, followed: Branch | None = None) -> Start:
        """Where the task's branch begins; what an earlier attempt left on it is gone on with."""
        names = self._base_names(git)
        others = [] if followed is None else [followed.name]
        heads = await self._heads(git, [*names, branch, *others])
        base = await self._base(git, names, heads)
        fresh = Start(base=base, tip=base)
        if followed is not None:
            fresh = await self._after(git, followed, base, heads)
        tip = await self.tip(git, branch, heads)
        if tip is None or tip in {base, fresh.tip}:
            return fresh
        fork = await self._fork(git, tip, base)
        shared = fork if fresh.tip == base else await self._fork(git, tip, fresh.tip)
        if tip in {fork, shared}:
            return fresh
        self._say(f"Going on with what is on {branch} already.")
        # What was accepted on the branch that is followed is no part of this task's changes.
        since = await self._newer(git, fork, shared) if fresh.tip == fresh.base else fork
        has_it = shared == fresh.tip or fresh.earlier in {None, Earlier.GONE}
        return Start(
            base=since or base, tip=tip, earlier=fresh.earlier if has_it else Earlier.APART
        )

    async def tip(
        self, git: Git, branch: str, heads: Mapping[str, str] | None = None
    ) -> str | None:
        """The newest of a branch, here and at the remote, as far as is known."""
        known = await self._heads(git, [branch]) if heads is None else heads
        return await self._newer(git, known.get(_here(branch)), known.get(self._there(branch)))

    def base_name(self, git: Git) -> str:
        """The branch that the work is for."""
        return self._base_names(git)[0]

    def refused(self, doing: str, address: str, error: GitRefused) -> WorkspaceTrouble:
        """A remote's refusal, with advice."""
        return refusals.trouble(doing, address, error.said, home=self._home)

    async def _clone(self) -> None:
        path, address = self._project.path, self._project.repository
        if address is None:
            raise WorkspaceTrouble(f"{path} is not there, and no repository to clone is named.")
        async with alone(path.with_name(f".{path.name}.lock"), seconds=CLONE_SECONDS):
            if _is_there(path):
                return
            self._say(f"Cloning {address}")
            aside = _fresh_aside(path)
            words = (
                "clone",
                "--quiet",
                "--origin",
                self._project.remote,
                "--",
                address,
                aside.name,
            )
            try:
                answer = await run_git(
                    words,
                    folder=path.parent,
                    environment=self.environment,
                    timeout_seconds=CLONE_SECONDS,
                )
            except GitRefused as error:
                raise self.refused(f"Cannot clone {address}", address, error) from error
            if answer.code != 0:
                refused = GitRefused("clone", answer.said)
                raise self.refused(f"Cannot clone {address}", address, refused)
            aside.rename(path)

    def _base_names(self, git: Git) -> list[str]:
        if self._project.base_branch is not None:
            return [self._project.base_branch]
        remote = f"refs/remotes/{self._project.remote}/"
        head = symbolic(git.git_dir / remote / "HEAD").removeprefix(remote)
        current = symbolic(private_folder(self._project.path) / "HEAD")
        return [name for name in (head, current.removeprefix("refs/heads/")) if name]

    async def _after(
        self, git: Git, followed: Branch, base: str, heads: Mapping[str, str]
    ) -> Start:
        """Where a follow-up begins: at the branch of the earlier task, until that was merged."""
        work = await self.tip(git, followed.name, heads)
        if work is None or followed.standing is Standing.ELSEWHERE:
            return Start(base=base, tip=base, earlier=Earlier.GONE)
        if await is_merged(git, work, base):
            return Start(base=base, tip=base, earlier=Earlier.MERGED)
        if await self._is_private(git, work, base, heads):
            self._say(f"{followed.name} has commits of yours that are not pushed: not upon these.")
            return Start(base=base, tip=base, earlier=Earlier.APART)
        if followed.standing is Standing.ACCEPTED:
            self._say(f"Starting from {followed.name}, which is not merged yet.")
            return Start(base=work, tip=work, earlier=Earlier.FROM)
        # Nobody has accepted it: else what an auditor refused would be published unseen.
        self._say(f"Starting from {followed.name}; what is on it is judged with the rest.")
        fork = await self._fork(git, work, base)
        return Start(base=fork or base, tip=work, earlier=Earlier.FROM)

    async def _is_private(self, git: Git, work: str, base: str, heads: Mapping[str, str]) -> bool:
        """Whether a push of it would publish commits of the owner's."""
        if not (self._project.push or self._project.pull_request):
            return False
        own = (heads.get(_here(name)) for name in self._base_names(git))
        here = next((head for head in own if head is not None), None)
        if here is None or here == base:
            return False
        fork = await self._fork(git, work, here)
        return fork is not None and await self._fork(git, fork, base) != fork

    async def _heads(self, git: Git, names: list[str]) -> dict[str, str]:
        wanted = [ref for name in names for ref in (_here(name), self._there(name))]
        form = "--format=%(refname) %(objectname)"
        answer = await git.run("for-each-ref", form, *wanted)
        pairs = (line.partition(" ") for line in answer.lines)
        return {name: commit for name, _, commit in pairs if name in wanted}

    async def _base(self, git: Git, names: list[str], heads: Mapping[str, str]) -> str:
        for name in names:
            here, there = heads.get(_here(name)), heads.get(self._there(name))
            if here is None or there is None or here == there:
                if (only := here or there) is not None:
                    return only
                continue
            return await self._of_two(git, name, here, there)
        if self._project.base_branch is None and not names:
            return (await git.run("rev-parse", "--verify", "HEAD^{commit}")).text
        raise WorkspaceTrouble(
            f"{self._project.path} has no commit on {' or '.join(names) or 'any branch'}:"
            " make a first one, or name another `base_branch`."
        )

    async def _of_two(self, git: Git, name: str, here: str, there: str) -> str:
        """The base where this machine and the remote differ.

        Commits of the owner's that are not pushed yet are worked upon, but never published for
        them: a task whose branch is pushed starts from what is public.
        """
        fork = await self._fork(git, here, there)
        if fork == here:
            return there
        remote = f"{self._project.remote}/{name}"
        if fork == there and not (self._project.push or self._project.pull_request):
            self._say(f"{name} has commits that {remote} lacks: starting from {name}.")
            return here
        self._say(f"{name} and {remote} differ: starting from {remote}.")
        return there

    async def _newer(self, git: Git, here: str | None, there: str | None) -> str | None:
        if here is None or there is None or here == there:
            return here or there
        return there if await self._fork(git, here, there) == here else here

    async def _fork(self, git: Git, one: str, other: str) -> str | None:
        answer = await git.run("merge-base", one, other, codes=(0, 1))
        return answer.text or None

    def _there(self, name: str) -> str:
        return f"refs/remotes/{self._project.remote}/{name}"


def has_remote(git: Git, name: str) -> bool:
    """Whether the repository has such a remote."""
    try:
        content = (git.git_dir / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(rf'^\s*\[remote "{re.escape(name)}"\]', content, re.MULTILINE) is not None


def _is_there(path: Path) -> bool:
    return path.exists()


def _fresh_aside(path: Path) -> Path:
    """A new name beside `path`; what a clone that was killed left goes."""
    for left in path.parent.glob(f".{path.name}.cloning-*"):
        shutil.rmtree(left, ignore_errors=True)
    return path.with_name(f".{path.name}.cloning-{os.getpid()}")


def _here(name: str) -> str:
    return f"refs/heads/{name}"


def _is_fresh(folder: Path) -> bool:
    """Whether the last fetch was a moment ago, by the clock that the file system has."""
    lock = folder / LOCK
    os.utime(lock)
    try:
        age_seconds = lock.stat().st_mtime - (folder / FETCHED).stat().st_mtime
    except FileNotFoundError:
        return False
    return 0 <= age_seconds < FRESH_SECONDS


def _note_fetch(folder: Path) -> None:
    with contextlib.suppress(OSError):
        (folder / FETCHED).touch()
