"""What is seen of a task's changes."""

from __future__ import annotations

import pytest

from tests.worker.repositories import write


async def test_the_diff_has_new_files_and_touches_no_index(project):
    """Committed, staged, changed, new and deleted: all of it, and the folder is as it was."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("committed", {"one.py": "1\n"}, at=place.folder)
    write(place.folder, {"staged.py": "2\n", "new.py": "3\n", "größe.txt": "ß\n"})
    project.git("add", "staged.py", at=place.folder)
    (place.folder / "app.py").unlink()
    before = project.git("status", "--porcelain", at=place.folder)

    diff = await workspace.diff()

    for line in ("+1", "+2", "+3", "-print(1)", "+ß", "b/größe.txt"):
        assert line in diff
    assert project.git("status", "--porcelain", at=place.folder) == before


async def test_a_long_diff_is_cut_where_it_is_longest(project):
    """A lock file does not push out the work."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"a.lock": "x\n" * 500_000, "z.py": "the_work = 1\n"})

    diff = await workspace.diff()

    assert "+the_work = 1" in diff
    assert "more characters of this file are left out" in diff
    assert len(diff) < 250_000


async def test_caches_that_nobody_ignores_are_no_work(project):
    """A project without a .gitignore does not get its tools' caches committed."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"__pycache__/app.pyc": "", "lib/node_modules/a/b.js": "", "new.py": ""})

    tree = await workspace.snapshot()

    assert "new.py" in project.git("ls-tree", "-r", "--name-only", tree)
    assert "node_modules" not in project.git("ls-tree", "-r", "--name-only", tree)
    assert "__pycache__" not in project.git("ls-tree", "-r", "--name-only", tree)


async def test_conflicted_files_are_seen_as_they_are(project):
    """An agent may stop in the middle of a merge."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("ours", {"app.py": "ours\n"}, at=place.folder)
    project.commit("theirs", {"app.py": "theirs\n"})
    with pytest.raises(AssertionError):
        project.git("merge", "main", at=place.folder)

    diff = await workspace.diff()

    assert "+<<<<<<< HEAD" in diff
