"""Where a task is worked on: a git worktree and a branch of its own, or the project's own folder.

Each step may be repeated after a kill at any moment. What was made is noted in one small file, and
that comes last: what has no note is half-made, and holds nobody's work.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from claude_task_client.errors import BadSettings
from claude_task_client.worker import (
    asides,
    commits,
    folders,
    forges,
    guards,
    notes,
    pull_requests,
    pushing,
)
from claude_task_client.worker.asides import Aside
from claude_task_client.worker.config import Isolation, ProjectConfig
from claude_task_client.worker.following import Branch, Followed, branch_of
from claude_task_client.worker.git import Git, GitRefused, alone
from claude_task_client.worker.job import Earlier, Place, Returned, WorkspaceTrouble
from claude_task_client.worker.notes import Made
from claude_task_client.worker.repository import Repository
from claude_task_client.worker.trees import Kept, diff_text, embedded, snapshot

SUBMODULE_SECONDS: Final = 600.0
NOTHING: Final = "0" * 40


def _quiet(_sentence: str) -> None:
    pass


class GitWorkspace:
    """Implements `Workspace`.

    - `state`: the worker's own folder; worktrees lie in `worktrees/<project>/task-<id>` of it
    - `environment`: the worker's own; git sees a short list of it
    - `followed`: the task that it follows, where it begins
    - `say` hears what a person may want to know (offline, bases that differ, rescued work)
    """

    def __init__(
        self,
        project: ProjectConfig,
        task_id: int,
        *,
        state: Path,
        environment: Mapping[str, str],
        say: Callable[[str], None] = _quiet,
        forge_token: str | None = None,
        followed: Followed | None = None,
    ) -> None:
        self._project = project
        self._task_id = task_id
        self._say = say
        self._forge_token = forge_token
        self._followed = followed
        self._repository = Repository(project, environment, say)
        self._home = state / "worktrees" / project.name
        self._in_place = project.isolation is Isolation.IN_PLACE
        self._note = self._home / f"task-{task_id}.json"

    @property
    def folder(self) -> Path:
        """Where it is worked on."""
        return self._project.path if self._in_place else self._home / f"task-{self._task_id}"

    @property
    def branch(self) -> str:
        """The task's own branch; in place the one that is checked out counts."""
        return branch_of(self._task_id)

    async def prepare(self) -> Place:
        """Make the folder, or find it; see `Workspace`."""
        followed = await self._look_up()  # before any lock: Athena may be away for long
        async with self._alone() as held:
            shared = replace(await self._repository.open(), held=(held,))
            made = self._read_note()
            if made is None or not await self._is_there(shared, made):
                made = await (
                    self._check_point(held) if self._in_place else self._make(shared, followed)
                )
                self._write_note(made)
            elif made.aside is not None:
                made = await self._give_back(made, made.aside, held)
            return made.place(self.folder)

    async def diff(self) -> str:
        """All changes since the base, as a patch."""
        async with self._git() as (git, made):
            tree = await snapshot(git)
            return await diff_text(git, made.base, tree.id)

    async def findings(self) -> Sequence[str]:
        """What the worker's own eyes see in the changes."""
        async with self._git() as (git, made):
            return await guards.findings(git, made.base, await snapshot(git), self._project)

    async def snapshot(self) -> str:
        """The id of the tree of what may be committed."""
        async with self._git() as (git, _):
            return (await snapshot(git)).id

    async def commit(self, subject: str, body: str, *, tree: str) -> str | None:
        """Commit a tree on top of what the branch has."""
        async with self._git() as (git, made):
            naming = None if self._in_place else self._rescue_ref
            await commits.return_to_branch(git, made.branch, naming)
            trailers = {"Athena-Task": str(self._task_id)}
            message = commits.message(subject, body, trailers)
            return await commits.commit_tree(git, made.base, tree, message, self._say)

    async def push(self) -> None:
        """Push the branch."""
        async with self._git() as (git, made):
            await pushing.push(git, made.branch, self._project.remote, self._repository)

    async def pull_request(self, title: str, body: str) -> str:
        """The address of the branch's pull request."""
        async with self._git() as (git, made):
            base = self._repository.base_name(await self._repository.open())
            forge = await pull_requests.forge(git, self._project, self._forge_token)
            head = (await git.run("rev-parse", f"refs/heads/{made.branch}")).text
        request = forges.Request(head=made.branch, base=base, commit=head, title=title, body=body)
        return await forge.ensure(request)

    async def set_aside(self) -> None:
        """Leave the project's own folder, with all that is not committed; see `Workspace`."""
        if not self._in_place:
            return
        async with self._alone() as held:
            made = self._read_note()
            if made is None:
                return
            folders.refuse_half_merged(self.folder, made.git_dir)
            git = self._work_tree(made, held)
            if made.back is not None:
                await asides.take_back(git, made.back)
            aside = made.aside or await asides.leave(git, self._kept_ref)
            made = replace(made, aside=aside, back=None)
            self._write_note(made)
            if not aside.is_clear:
                await self._clear_folder(git, made, aside)

    async def rescue(self) -> str | None:
        """Keep what no branch has, new files that are not ignored included."""
        async with self._alone() as held:
            made = self._read_note()
            if made is None or not folders.exists(self.folder):
                return None
            if self._in_place:
                return await self._rescue_aside(self._work_tree(made, held), made.aside)
            shared = replace(await self._repository.open(), held=(held,))
            if not await self._is_there(shared, made):
                raise WorkspaceTrouble(f"{self.folder} belongs to no repository any more.")
            return await self._rescue(self._work_tree(made, held))

    async def remove(self) -> None:
        """Remove the folder; what is not safe yet is kept first. In place the folder stays."""
        await self.rescue()
        async with self._alone() as held:
            if not self._in_place:
                await self._remove(held)
            elif (made := self._read_note()) is not None and (made.aside or made.returned):
                await asides.forget(self._work_tree(made, held), self._kept_ref)
            self._note.unlink(missing_ok=True)
            for aside in self._home.glob(f".{self._note.name}.*"):
                aside.unlink(missing_ok=True)  # of a worker that was killed while it wrote the note
            self._note.with_suffix(".lock").unlink(missing_ok=True)

    # --- making -------------------------------------------------------------------------------

    async def _look_up(self) -> Branch | None:
        if self._followed is None or self._in_place or self._note.exists():
            return None
        name = branch_of(self._followed.task_id)
        return Branch(name=name, standing=await self._followed.look())

    async def _make(self, shared: Git, followed: Branch | None) -> Made:
        async with self._repository.alone(shared) as git:
            await folders.sweep(self._home)
            await self._clear(git)
            await self._repository.fetch(git)
            start = await self._repository.start(git, self.branch, followed)
            words = ("worktree", "add", "--quiet", "--no-checkout", "--no-track", "-B")
            await git.run(*words, self.branch, str(self.folder), start.tip)
        made = Made(
            base=start.base,
            branch=self.branch,
            git_dir=folders.private_folder(self.folder),
            earlier=start.earlier,
        )
        tree = self._work_tree(made, *shared.held)
        await tree.run("reset", "--quiet", "--hard")
        await self._fill_submodules(tree)
        return made

    async def _clear(self, git: Git) -> None:
        """Take away what a prepare that was killed left; others' files are put aside."""
        registered = folders.registration(git.git_dir, self.folder)
        if registered is None:
            put = folders.put_aside(self.folder)
            if put is not None:
                self._say(f"{self.folder} held files of nobody known: they are in {put} now.")
            return
        await folders.delete(self.folder)
        await git.run("worktree", "remove", "--force", "--force", str(self.folder))

    async def _is_there(self, shared: Git, made: Made) -> bool:
        """Whether what was made still stands; its ties to the repository are mended."""
        if self._in_place:
            return True
        if not folders.exists(self.folder):
            return False
        if folders.registration(shared.git_dir, self.folder) == made.git_dir:
            folders.tie(self.folder, made.git_dir)
            folders.unlock(made.git_dir, made.branch)
            return True
        return await self._adopt(shared, made)

    async def _adopt(self, shared: Git, made: Made) -> bool:
        """Register a folder whose registration was lost, with all that is in it."""
        async with self._repository.alone(shared) as git:
            if await commits.commit_of(git, made.base) is None:
                return False
            put = folders.put_aside(self.folder)
            tip = await self._repository.tip(git, self.branch) or made.base
            words = ("worktree", "add", "--quiet", "--no-checkout", "--no-track", "-B")
            await git.run(*words, self.branch, str(self.folder), tip)
        git_dir = folders.private_folder(self.folder)
        if put is not None:
            await folders.delete(self.folder)
            put.rename(self.folder)
            folders.tie(self.folder, git_dir)
        adopted = replace(made, git_dir=git_dir)
        await self._work_tree(adopted, *shared.held).run("reset", "--quiet")
        self._write_note(adopted)
        return True

    async def _check_point(self, held: int) -> Made:
        """In place: what is not committed yet is, on the branch as it is."""
        git_dir = folders.private_folder(self.folder)
        made = Made(base=NOTHING, branch=folders.current_branch(git_dir), git_dir=git_dir)
        folders.refuse_half_merged(self.folder, git_dir)
        git = self._work_tree(made, held)
        tree = await snapshot(git)
        message = commits.message(
            f"Keep what was not committed before task #{self._task_id}",
            "",
            {"Athena-Checkpoint": str(self._task_id)},
        )
        return replace(made, base=await commits.check_point(git, tree.id, message, self._say))

    # --- leaving the owner's folder -----------------------------------------------------------

    async def _give_back(self, made: Made, aside: Aside, held: int) -> Made:
        """Have the work of a task that left the folder on top of what is there now."""
        git = self._work_tree(made, held)
        back = made.back
        if back is None and not aside.is_clear:
            try:
                made = await self._clear_folder(git, made, aside)
            except GitRefused as error:
                if error.transient or await commits.commit_of(git, "HEAD") != aside.head:
                    raise
                return await self._stay(git, made)
        if back is None:
            fresh = await self._check_point(held)
            scratch = self._home / f".merging-{self._note.stem}"
            back = await asides.plan(git, aside, fresh.base, scratch)
            self._write_note(replace(made, back=back))
        is_whole = await asides.give_back(git, back, self._say)
        returned = Returned(
            key=f"{aside.commit}:{back.head}",
            is_moved=back.head != aside.head,
            conflicts=back.conflicts,
            is_whole=is_whole,
            kept_as=None
            if is_whole and not back.conflicts
            else await self._rescue_aside(git, aside),
        )
        # What it had committed itself before is still to be judged.
        begins_anew = aside.head == made.base
        given = replace(
            made,
            base=back.head if begins_anew else made.base,
            branch=folders.current_branch(made.git_dir) if begins_anew else made.branch,
            aside=None,
            back=None,
            returned=returned,
        )
        self._write_note(given)
        await asides.forget(git, self._kept_ref)
        return given

    async def _clear_folder(self, git: Git, made: Made, aside: Aside) -> Made:
        await asides.clear(git, aside, self._say)
        cleared = replace(made, aside=replace(aside, is_clear=True))
        self._write_note(cleared)
        return cleared

    async def _stay(self, git: Git, made: Made) -> Made:
        """It could not leave, and nobody else was there: all is as it was."""
        stayed = replace(made, aside=None)
        self._write_note(stayed)
        await asides.forget(git, self._kept_ref)
        return stayed

    async def _rescue_aside(self, git: Git, aside: Aside | None) -> str | None:
        """Keep what a task has left for good."""
        if aside is None or aside.commit == aside.head:
            return None
        name = self._rescue_ref(aside.commit[:7])
        await git.run("update-ref", name, aside.commit)
        self._say(f"Kept what was not committed as {name}.")
        return name

    @property
    def _kept_ref(self) -> str:
        return f"refs/athena/kept/task-{self._task_id}"

    async def _fill_submodules(self, git: Git) -> None:
        if not folders.exists(self.folder / ".gitmodules"):
            return
        words = ("submodule", "--quiet", "update", "--init", "--recursive")
        try:
            await git.reach(*words, timeout_seconds=SUBMODULE_SECONDS)
        except GitRefused as error:
            self._say(f"The submodules are not there: {error}")

    # --- keeping and removing -----------------------------------------------------------------

    async def _rescue(self, git: Git) -> str | None:
        """The ref that holds what neither a branch nor the remote has; None where there is none."""
        tree = await snapshot(git, Kept.ALL)
        name = await commits.keep(git, tree.id, self._rescue_ref)
        for path in await embedded(git):
            inside = replace(git, work_tree=self.folder / path)
            kept = await snapshot(inside, Kept.ALL)
            name = await commits.keep(git, kept.id, self._rescue_ref) or name
        if name is not None:
            self._say(f"Kept what was not committed as {name}.")
        return name

    def _rescue_ref(self, what: str) -> str:
        return f"refs/athena/rescue/task-{self._task_id}-{what[:15]}"

    async def _remove(self, held: int) -> None:
        shared = replace(await self._repository.open(), held=(held,))
        made = self._read_note()
        await folders.delete(self.folder)
        async with self._repository.alone(shared) as git:
            if folders.registration(git.git_dir, self.folder) is not None:
                await git.run("worktree", "remove", "--force", "--force", str(self.folder))
            # A follow-up's branch leads to what it began with, also for the task that follows it.
            if made is not None and made.earlier is not Earlier.FROM:
                await commits.drop_empty_branch(git, made.branch, made.base)

    # --- notes and locks ----------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[int]:
        """For one worker at a time, and not before what a killed one began has ended."""
        async with alone(self._note.with_suffix(".lock")) as held:
            try:
                yield held
            except (OSError, BadSettings) as error:
                raise WorkspaceTrouble(f"{self.folder}: {error}", transient=True) from error

    @contextlib.asynccontextmanager
    async def _git(self) -> AsyncIterator[tuple[Git, Made]]:
        async with self._alone() as held:
            made = self._read_note()
            if made is None:
                raise WorkspaceTrouble(f"The workspace of task #{self._task_id} is gone.")
            if not self._in_place:
                # Nothing else works here: whoever left a lock behind was killed.
                folders.unlock(made.git_dir, made.branch)
            yield self._work_tree(made, held), made

    def _work_tree(self, made: Made, *held: int) -> Git:
        environment = self._repository.environment
        return Git(git_dir=made.git_dir, work_tree=self.folder, environment=environment, held=held)

    def _read_note(self) -> Made | None:
        return notes.read(self._note)

    def _write_note(self, made: Made) -> None:
        notes.write(self._note, made)
