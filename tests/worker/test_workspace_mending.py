"""What kills, and agents, leave of a task's folder is mended."""

from __future__ import annotations

import shutil

import pytest

from tests.worker.repositories import done, write


@pytest.fixture
async def half_made(project):
    """A worktree as `git worktree add` leaves it when it is killed in the middle."""
    place = await project.workspace().prepare()
    (place.folder.parent / "task-7.json").unlink()
    admin = project.path / ".git" / "worktrees" / "task-7"
    (admin / "locked").write_text("initializing")
    (admin / "index.lock").write_text("")
    (place.folder / "app.py").unlink()
    return place


async def test_a_half_made_folder_is_made_anew(project, half_made):
    """Killed while the files were written: nobody has worked there yet."""
    place = await project.workspace().prepare()

    assert place == half_made
    assert (place.folder / "app.py").exists()
    assert project.git("status", "--porcelain", at=place.folder) == ""


async def test_a_folder_that_is_registered_but_gone_is_made_anew(project, half_made):
    """Killed before the folder, or after it was deleted."""
    shutil.rmtree(half_made.folder)

    place = await project.workspace().prepare()

    assert (place.folder / "app.py").exists()


async def test_the_files_of_strangers_are_put_aside(project):
    """What lies in the way is not known, so it is not deleted."""
    folder = project.state / "worktrees" / "app" / "task-7"
    write(folder, {"whose.txt": "?"})

    place = await project.workspace().prepare()

    assert not (place.folder / "whose.txt").exists()
    assert (folder.parent / "task-7.kept-1" / "whose.txt").read_text() == "?"


async def test_locks_that_a_killed_git_left_are_no_hindrance(project):
    """Nothing else works in the folder of a task: whoever held them is gone."""
    workspace = project.workspace()
    place = await workspace.prepare()
    admin = project.path / ".git" / "worktrees" / "task-7"
    write(admin, {"index.lock": "", "HEAD.lock": "", "athena-index.lock": ""})
    write(project.path / ".git" / "refs/heads/athena", {"task-7.lock": ""})
    write(place.folder, {"app.py": "print(2)\n"})

    assert await done(workspace) == project.head("athena/task-7")


async def test_a_folder_whose_registration_was_lost_is_adopted_with_its_work(project):
    """Somebody pruned the worktrees, or cloned the repository anew."""
    place = await project.workspace().prepare()
    write(place.folder, {"app.py": "print(2)\n"})
    shutil.rmtree(project.path / ".git" / "worktrees")

    again = await project.workspace().prepare()
    head = await done(project.workspace())

    assert again == place
    assert head is not None
    assert project.git("show", f"{head}:app.py") == "print(2)"


async def test_a_folder_that_was_deleted_is_made_anew_with_what_was_committed(project):
    """The branch has it."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("so far", {"one.py": ""}, at=place.folder)
    shutil.rmtree(place.folder)

    again = await project.workspace().prepare()

    assert again == place
    assert (place.folder / "one.py").exists()


async def test_a_git_file_that_leads_elsewhere_leads_nowhere(project):
    """Git is told where the repository is: a task cannot redirect it."""
    trace = project.root / "trace"
    workspace = project.workspace()
    place = await workspace.prepare()
    evil = place.folder / "evil"
    project.git("init", "--quiet", "--bare", str(evil))
    project.git("config", "core.fsmonitor", f"touch {trace}", at=evil)
    (place.folder / ".git").write_text(f"gitdir: {evil}\n")
    write(place.folder, {"app.py": "print(2)\n"})

    head = await done(workspace)

    assert head == project.head("athena/task-7")
    assert not trace.exists()


async def test_a_repository_that_the_agent_made_of_its_folder_is_put_aside(project):
    """Its files are the work; its history is kept, and is no part of it."""
    place = await project.workspace().prepare()
    (place.folder / ".git").unlink()
    project.git("init", "--quiet", at=place.folder)
    write(place.folder, {"new.py": ""})

    await project.workspace().prepare()
    head = await done(project.workspace())

    assert head == project.head("athena/task-7") == project.head(at=place.folder)
    assert project.files("athena/task-7") == [".gitignore", "app.py", "new.py"]
    assert (place.folder.parent / "task-7.git.kept-1" / "HEAD").exists()


async def test_the_rest_of_a_removal_that_was_interrupted_is_removed(project):
    """By the next task of the project."""
    await project.workspace(1).prepare()
    left = project.state / "worktrees" / "app" / ".removing-task-9-1"
    write(left, {"node_modules/x.js": ""})

    await project.workspace(2).prepare()

    assert not left.exists()
