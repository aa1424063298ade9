"""Work in the project's own folder, on the branch that is checked out."""

from __future__ import annotations

import pytest

from claude_task_client.worker.job import WorkspaceTrouble
from tests.worker.repositories import Project, done, write


async def test_what_was_not_committed_is_committed_first(project):
    """The owner's changes and the task's are told apart, and none is lost."""
    write(project.path, {"app.py": "print('half')\n", "draft.md": "", ".env": "KEY=1"})

    place = await project.in_place().prepare()

    assert (place.folder, place.branch) == (project.path, "main")
    assert place.base == project.head()
    assert project.git("log", "-1", "--format=%B").strip() == (
        "Keep what was not committed before task #7\n\nAthena-Checkpoint: 7"
    )
    assert project.files("HEAD") == [".gitignore", "app.py", "draft.md"]
    assert (project.path / ".env").read_text() == "KEY=1"


async def test_a_clean_folder_gets_no_checkpoint(project):
    """There is nothing to keep."""
    before = project.head()

    place = await project.in_place().prepare()

    assert place.base == before == project.head()


async def test_to_prepare_again_commits_nothing_of_the_task(project):
    """After a crash the half-done work is the task's, not the owner's."""
    first = await project.in_place().prepare()
    write(project.path, {"new.py": ""})

    again = await project.in_place().prepare()

    assert again == first
    assert project.git("status", "--porcelain") == "?? new.py"


async def test_a_checkpoint_whose_note_was_lost_is_found(project):
    """Killed right after the commit."""
    write(project.path, {"draft.md": ""})
    first = await project.in_place().prepare()
    (project.state / "worktrees" / "app" / "task-7.json").unlink()

    again = await project.in_place().prepare()

    assert again == first


async def test_the_work_is_committed_on_the_branch(project):
    """Its index and files are as after any commit."""
    workspace = project.in_place()
    await workspace.prepare()
    write(project.path, {"app.py": "print(2)\n"})

    head = await done(workspace)
    await workspace.remove()

    assert head == project.head("main")
    assert project.git("status", "--porcelain") == ""
    assert (project.path / "app.py").exists()
    assert not list((project.state / "worktrees" / "app").iterdir())


async def test_nothing_is_taken_away_at_the_end(project):
    """The folder is the owner's: what is not committed simply stays."""
    workspace = project.in_place()
    await workspace.prepare()
    write(project.path, {"new.py": ""})

    assert await workspace.rescue() is None
    await workspace.remove()

    assert (project.path / "new.py").exists()
    assert project.refs("refs/athena") == []


async def test_a_repository_without_a_commit_gets_its_first(tmp_path):
    """The checkpoint is the first commit."""
    project = Project(tmp_path)
    project.path.mkdir()
    project.git("init", "--quiet", "--initial-branch=main")
    write(project.path, {"app.py": ""})

    place = await project.in_place().prepare()

    assert place.base == project.head("main")
    assert project.files("main") == ["app.py"]


async def test_a_merge_that_is_not_finished_is_left_to_its_owner(project):
    """A checkpoint of it would commit their conflicts."""
    (project.path / ".git" / "MERGE_HEAD").write_text(project.head())

    with pytest.raises(WorkspaceTrouble, match="in the middle of a merge"):
        await project.in_place().prepare()


async def test_a_branch_that_the_agent_made_is_followed(project):
    """It goes on from the owner's branch, which gets what was done."""
    workspace = project.in_place()
    await workspace.prepare()
    project.git("switch", "--quiet", "--create", "feature")
    project.commit("by the agent", {"one.py": ""})

    head = await done(workspace)

    assert head == project.head("main")
    assert project.git("symbolic-ref", "--short", "HEAD") == "main"


async def test_a_folder_that_its_owner_switched_is_not_committed_to(project):
    """Their branch is not overwritten, nor the other one committed to."""
    project.git("branch", "old")
    workspace = project.in_place()
    project.commit("second", {"two.py": ""})
    await workspace.prepare()
    project.git("switch", "--quiet", "old")
    write(project.path, {"new.py": ""})

    with pytest.raises(WorkspaceTrouble, match="is on old now"):
        await done(workspace)

    assert project.git("log", "-1", "--format=%s", "old") == "first"


async def test_a_detached_head_is_committed_to(project):
    """There is no branch to move."""
    project.git("checkout", "--quiet", "--detach")
    workspace = project.in_place()
    place = await workspace.prepare()
    write(project.path, {"new.py": ""})

    head = await done(workspace)

    assert place.branch == "HEAD"
    assert head == project.head()
    assert project.head("main") != head


async def test_a_detached_head_that_was_left_is_not_made_a_branch(project):
    """Nobody can say where the work belongs."""
    project.git("checkout", "--quiet", "--detach")
    await project.in_place().prepare()
    project.git("switch", "--quiet", "main")
    write(project.path, {"new.py": ""})

    with pytest.raises(WorkspaceTrouble, match="is on main now"):
        await done(project.in_place())

    assert project.refs("refs/heads") == ["refs/heads/main"]
