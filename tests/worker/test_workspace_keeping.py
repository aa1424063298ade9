"""A folder that goes: the work in it does not."""

from __future__ import annotations

from tests.worker.repositories import done, write


async def test_committed_work_stays_on_its_branch_when_the_folder_goes(project):
    """The owner merges it when they like."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": "print(2)\n"})
    head = await done(workspace)

    await workspace.remove()

    assert not place.folder.exists()
    assert project.head("athena/task-7") == head
    assert project.refs("refs/athena") == []
    assert len(project.git("worktree", "list").splitlines()) == 1
    assert list((project.state / "worktrees" / "app").iterdir()) == []


async def test_what_was_not_committed_is_kept_before_the_folder_goes(project):
    """No work is lost: also new files, also what may not be committed."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": "print(2)\n", "new.py": "", ".env": "KEY=1", "build/x": ""})

    name = await workspace.rescue()
    again = await workspace.rescue()
    await workspace.remove()

    assert name == again
    assert project.refs("refs/athena/rescue") == [name]
    assert name is not None
    assert project.files(name) == [".env", ".gitignore", "app.py", "new.py"]
    assert project.git("show", f"{name}:app.py") == "print(2)"
    assert not place.folder.exists()


async def test_remove_alone_keeps_the_work_as_well(project):
    """There is no order of calls in which work is lost."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"new.py": ""})

    await workspace.remove()

    (name,) = project.refs("refs/athena/rescue")
    assert "new.py" in project.files(name)


async def test_commits_that_no_branch_has_are_kept(project):
    """An agent may have worked without a branch."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.git("checkout", "--quiet", "--detach", at=place.folder)
    project.commit("nowhere", {"new.py": ""}, at=place.folder)
    head = project.head(at=place.folder)

    name = await workspace.rescue()

    assert name is not None
    assert project.head(name) == head


async def test_a_repository_made_inside_is_kept_with_its_files(project):
    """Git itself would not look into it."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"tool/main.c": "int main;\n", "other/x": ""})
    project.git("init", "--quiet", at=place.folder / "tool")
    project.git("init", "--quiet", at=place.folder / "other")
    project.commit("inner", {}, at=place.folder / "other")

    tree = await workspace.snapshot()
    await workspace.remove()

    assert project.git("ls-tree", "-r", "--name-only", tree).split() == [".gitignore", "app.py"]
    kept = {path for ref in project.refs("refs/athena/rescue") for path in project.files(ref)}
    assert {"main.c", "x"} <= kept


async def test_removing_follows_no_link_and_opens_closed_folders(project):
    """Nothing outside of the worktree is ever touched."""
    outside = project.root / "outside"
    write(outside, {"precious": "1"})
    workspace = project.workspace()
    place = await workspace.prepare()
    (place.folder / "link").symlink_to(outside)
    write(place.folder, {"build/closed/file": ""})
    (place.folder / "build" / "closed").chmod(0o500)

    await workspace.remove()

    assert (outside / "precious").read_text() == "1"
    assert not place.folder.exists()


async def test_remove_may_be_repeated(project):
    """The worker was killed between the removal and its note."""
    workspace = project.workspace()
    await workspace.prepare()

    await workspace.remove()
    await workspace.remove()

    assert await workspace.rescue() is None
