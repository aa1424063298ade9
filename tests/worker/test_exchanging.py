"""A folder's files go from one tree to another, and nobody else's file is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_task_client.worker.exchanging import exchange
from claude_task_client.worker.git import Git, GitRefused, git_environment
from claude_task_client.worker.trees import snapshot
from tests.worker.repositories import Project, write


def git_of(project: Project) -> Git:
    """Git in the owner's folder, as the worker has it."""
    return Git(
        git_dir=project.path / ".git",
        work_tree=project.path,
        environment=git_environment(project.environment),
    )


async def changed(project: Project) -> tuple[str, str]:
    """The trees before and after all kinds of changes, which are in the folder."""
    write(project.path, {"file": "1", "folder/inside": "1", "größe\n.txt": "ß", "run": "#!/bin/sh"})
    (project.path / "link").symlink_to("file")
    before = (await snapshot(git_of(project))).id
    for name in ("file", "folder/inside", "link"):
        (project.path / name).unlink()
    (project.path / "folder").rmdir()
    (project.path / "run").chmod(0o755)
    write(project.path, {"file/inside": "2", "folder": "2", "größe\n.txt": "ss", "link/a": "2"})
    return before, (await snapshot(git_of(project))).id


async def test_every_kind_of_change_goes_there_and_back(project):
    """Files become folders and the reverse; links, modes and odd names are kept."""
    before, after = await changed(project)
    git = git_of(project)

    assert await exchange(git, after, before) == []
    back = (await snapshot(git)).id
    link = (project.path / "link").readlink()
    assert await exchange(git, before, after) == []

    assert back == before
    assert link == Path("file")
    assert (await snapshot(git)).id == after
    assert (project.path / "run").stat().st_mode & 0o100


async def test_to_do_it_again_changes_nothing(project):
    """Whoever was killed does not know how far it came."""
    before, after = await changed(project)
    await exchange(git_of(project), after, before)

    assert await exchange(git_of(project), after, before) == []
    assert (await snapshot(git_of(project))).id == before


async def test_a_file_that_is_as_in_neither_stays(project):
    """Somebody has written it since."""
    before, after = await changed(project)
    write(project.path, {"größe\n.txt": "mine", "other": "mine"})

    left = await exchange(git_of(project), after, before)

    assert left == ["größe\n.txt"]
    assert (project.path / "größe\n.txt").read_text() == "mine"
    assert (project.path / "other").read_text() == "mine"
    assert (project.path / "file").read_text() == "1"


@pytest.mark.parametrize(
    ("name", "ignored"), [("new", "new"), ("new/inside", "new/"), ("new/in/side", "in/")]
)
async def test_what_git_does_not_see_is_never_written_over(project, name, ignored):
    """An ignored file is in no tree: it would be gone for good."""
    git = git_of(project)
    before = (await snapshot(git)).id
    write(project.path, {"new": "1"})
    after = (await snapshot(git)).id
    await exchange(git, after, before)
    write(project.path / ".git" / "info", {"exclude": f"{ignored}\n"})
    write(project.path, {name: "precious"})

    with pytest.raises(GitRefused, match="is in the way"):
        await exchange(git, before, after)

    assert (project.path / name).read_text() == "precious"


async def test_an_ignored_file_where_a_folder_is_to_be_is_not_written_over(project):
    """The same, the other way round."""
    git = git_of(project)
    before = (await snapshot(git)).id
    write(project.path, {"new/inside": "1"})
    after = (await snapshot(git)).id
    await exchange(git, after, before)
    write(project.path / ".git" / "info", {"exclude": "new\n"})
    write(project.path, {"new": "precious"})

    with pytest.raises(GitRefused, match="new is in the way"):
        await exchange(git, before, after)

    assert (project.path / "new").read_text() == "precious"


async def test_a_file_of_somebody_s_where_a_folder_is_to_be_stays(project):
    """It is in nobody's tree; nothing at all is changed then."""
    git = git_of(project)
    before = (await snapshot(git)).id
    write(project.path, {"new/inside": "1", "app.py": "print(2)\n"})
    after = (await snapshot(git)).id
    await exchange(git, after, before)
    write(project.path, {"new": "mine"})

    with pytest.raises(GitRefused):
        await exchange(git, before, after)

    assert (project.path / "new").read_text() == "mine"
    assert (project.path / "app.py").read_text() == "print(1)\n"
