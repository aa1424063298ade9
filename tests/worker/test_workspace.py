"""A task's folder and branch: made, found again, begun with."""

from __future__ import annotations

import asyncio

import pytest

from claude_task_client.worker.job import WorkspaceTrouble
from tests.worker.repositories import Project, done, write


async def test_a_task_gets_a_folder_and_a_branch_of_its_own(project):
    """What a task does is seen nowhere else until somebody merges it."""
    place = await project.workspace().prepare()

    assert place.branch == "athena/task-7"
    assert place.folder == project.state / "worktrees" / "app" / "task-7"
    assert place.base == project.head("main") == project.head(at=place.folder)
    assert (place.folder / "app.py").read_text() == "print(1)\n"
    assert project.git("status", "--porcelain", at=place.folder) == ""


async def test_to_prepare_again_finds_the_work_as_it_is(project):
    """After a crash the next worker goes on in the same folder, from the same base."""
    first = await project.workspace().prepare()
    write(first.folder, {"app.py": "print(2)\n", "new.py": ""})
    project.commit("more of the owner", {"other.py": ""})

    again = await project.workspace().prepare()

    assert again == first
    assert (again.folder / "app.py").read_text() == "print(2)\n"


async def test_uncommitted_work_of_the_owner_is_left_alone(project):
    """A worktree starts from the branch; what the owner is in the middle of is theirs."""
    write(project.path, {"app.py": "print('half')\n"})

    place = await project.workspace().prepare()

    assert (place.folder / "app.py").read_text() == "print(1)\n"
    assert (project.path / "app.py").read_text() == "print('half')\n"


async def test_a_project_in_a_linked_worktree_or_bare_repository_works(project):
    """The owner may keep it in either way."""
    linked, bare = project.root / "linked", project.root / "bare.git"
    project.git("worktree", "add", "--quiet", str(linked), "-b", "side")
    project.git("clone", "--quiet", "--bare", str(project.path), str(bare))

    first = await project.workspace(1, path=linked).prepare()
    second = await project.workspace(2, path=bare).prepare()

    assert first.base == second.base == project.head("main")
    assert (first.folder / "app.py").exists()
    assert (second.folder / "app.py").exists()


async def test_an_earlier_attempt_is_gone_on_with(project):
    """A task that comes back finds what it had committed, and its changes count in full."""
    workspace = project.workspace()
    first = await workspace.prepare()
    project.commit("so far", {"one.py": "x = 1\n"}, at=first.folder)
    await workspace.remove()
    project.commit("more of the owner", {"other.py": ""})

    place = await project.workspace().prepare()

    assert (place.folder / "one.py").exists()
    assert place.base == first.base
    assert "+x = 1" in await project.workspace().diff()


async def test_a_branch_without_work_of_its_own_starts_from_the_newest(project):
    """An earlier attempt that did nothing binds nobody."""
    project.git("branch", "athena/task-7")
    project.commit("more", {"other.py": ""})

    place = await project.workspace().prepare()

    assert place.base == project.head("main") == project.head("athena/task-7")


async def test_many_tasks_at_once_do_not_collide(project):
    """Jobs in several workers share one repository."""
    project.with_remote()

    async def one(number: int) -> str | None:
        workspace = project.workspace(number)
        place = await workspace.prepare()
        write(place.folder, {f"{number}.py": ""})
        head = await done(workspace)
        await workspace.remove()
        return head

    heads = await asyncio.gather(*(one(number) for number in range(1, 9)))

    assert heads == [project.head(f"athena/task-{number}") for number in range(1, 9)]
    assert len(project.git("worktree", "list").splitlines()) == 1


async def test_a_folder_without_a_repository_is_named(tmp_path):
    """The message names the next command."""
    project = Project(tmp_path)
    project.path.mkdir()

    with pytest.raises(WorkspaceTrouble, match="git init"):
        await project.workspace().prepare()


async def test_a_repository_without_a_commit_is_named(tmp_path):
    """There is nothing to start from."""
    project = Project(tmp_path)
    project.path.mkdir()
    project.git("init", "--quiet", "--initial-branch=main")

    with pytest.raises(WorkspaceTrouble, match="no commit on main"):
        await project.workspace().prepare()


async def test_a_branch_that_is_checked_out_elsewhere_is_not_shared(project):
    """Two folders on one branch would undo each other's work."""
    project.git("switch", "--quiet", "--create", "athena/task-7")
    project.commit("mine", {"mine.py": ""})

    with pytest.raises(WorkspaceTrouble, match="checked out"):
        await project.workspace().prepare()


async def test_a_missing_git_is_named(project):
    """A sentence, not a traceback."""
    (project.root / "empty").mkdir()
    workspace = project.workspace()
    workspace._repository.environment["PATH"] = str(project.root / "empty")

    with pytest.raises(WorkspaceTrouble, match="git is not installed"):
        await workspace.prepare()
