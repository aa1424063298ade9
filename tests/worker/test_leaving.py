"""A task that waits leaves the owner's folder, and finds its work there again when it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_task_client.worker import asides, commits, notes
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.workspace import GitWorkspace
from tests.worker.repositories import Project, done, write

KEPT = "refs/athena/kept/task-7"


class Killed(BaseException):
    """As kill -9, at a place that a test chooses."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return (
        Project(tmp_path).make().commit("more", {"lib/door.py": "a\nb\nc\nd\ne\nf\n", "old": "1"})
    )


async def half_done(project: Project) -> GitWorkspace:
    """Task #7 has changed a file, written one, and removed one."""
    workspace = project.in_place()
    await workspace.prepare()
    write(project.path, {"lib/door.py": "A\nb\nc\nd\ne\nf\n", "new/one.py": "x = 1\n"})
    (project.path / "old").unlink()
    return workspace


def status(project: Project) -> set[str]:
    """What git says of the owner's folder, without the letters' order."""
    told = project.git("status", "--porcelain", "--untracked-files=all")
    return {line.strip() for line in told.splitlines()}


HALF_DONE = {"M lib/door.py", "?? new/one.py", "D old"}


async def test_the_folder_is_as_it_was_while_the_task_waits(project):
    """The next task, or the owner, begins with a folder that holds nobody's half-done work."""
    waiting = await half_done(project)

    await waiting.set_aside()

    assert status(project) == set()
    assert not (project.path / "new").exists()
    assert project.refs("refs/athena") == [KEPT]
    assert "new/one.py" in project.files(KEPT)


async def test_its_work_is_there_again_when_it_goes_on(project):
    """As it was; and nothing is kept any more."""
    waiting = await half_done(project)
    first = await waiting.prepare()
    await waiting.set_aside()

    place = await project.in_place().prepare()

    assert place.base == first.base
    assert status(project) == HALF_DONE
    assert project.refs("refs/athena") == []
    assert place.returned is not None
    assert (place.returned.is_moved, place.returned.kept_as) == (False, None)


async def test_another_task_has_the_folder_meanwhile(project):
    """Each commit has the work of one task, though they took turns."""
    waiting = await half_done(project)
    await waiting.set_aside()
    other = project.in_place(8)
    await other.prepare()
    write(project.path, {"lib/door.py": "a\nb\nc\nd\ne\nF\n", "eight.py": ""})
    await done(other, "Eight")
    await other.remove()

    place = await project.in_place().prepare()
    diff = await project.in_place().diff()
    await done(project.in_place(), "Seven")

    assert place.base == project.head("main~1")
    assert "eight.py" not in diff
    assert project.git("log", "--format=%s", "-3").splitlines() == ["Seven", "Eight", "more"]
    assert project.git("show", "main:lib/door.py") == "A\nb\nc\nd\ne\nF"
    assert project.git("diff", "--name-only", "main~1", "main").split() == [
        "lib/door.py",
        "new/one.py",
        "old",
    ]
    assert place.returned is not None
    assert place.returned.is_moved


async def test_what_the_owner_does_meanwhile_is_kept_apart(project):
    """Their changes are committed first, as before any task."""
    waiting = await half_done(project)
    await waiting.set_aside()
    write(project.path, {"app.py": "print('mine')\n", "draft.md": ""})

    await project.in_place().prepare()

    assert project.git("log", "-1", "--format=%s") == ("Keep what was not committed before task #7")
    assert project.git("show", "main:app.py") == "print('mine')"
    assert status(project) == HALF_DONE


async def test_a_conflict_is_left_to_claude_and_the_work_is_kept(project):
    """Both versions stand in the file; as it was the work is under a ref for good."""
    waiting = await half_done(project)
    await waiting.set_aside()
    project.commit("mine", {"lib/door.py": "Z\nb\nc\nd\ne\nf\n", "new/one.py": "y = 1\n"})

    place = await project.in_place().prepare()

    assert place.returned is not None
    assert place.returned.conflicts == ("lib/door.py", "new/one.py")
    text = (project.path / "lib/door.py").read_text()
    assert "<<<<<<< the folder as it is now\nZ\n=======\nA\n>>>>>>> this task" in text
    assert project.refs("refs/athena") == [place.returned.kept_as]
    assert project.git("show", f"{place.returned.kept_as}:new/one.py") == "x = 1"
    assert project.git("show", "main:new/one.py") == "y = 1"
    assert any("merge" in str(finding) for finding in await project.in_place().findings())


async def test_a_file_that_one_removed_and_the_other_changed_is_a_conflict(project):
    """What was changed is there."""
    waiting = await half_done(project)
    await waiting.set_aside()
    project.commit("mine", {"old": "2"})

    place = await project.in_place().prepare()

    assert place.returned is not None
    assert place.returned.conflicts == ("old",)
    assert (project.path / "old").read_text() == "2"


async def test_what_no_task_may_commit_stays_where_it_is(project):
    """Secrets and ignored files are the owner's, whoever works there."""
    waiting = await half_done(project)
    write(project.path, {".env": "KEY=1", "build/out": "1", "__pycache__/a.pyc": ""})

    await waiting.set_aside()

    assert (project.path / ".env").read_text() == "KEY=1"
    assert (project.path / "build/out").exists()
    assert ".env" not in project.files(KEPT)


async def test_a_file_that_is_in_the_way_is_not_written_over(project):
    """It is ignored now, so nothing else has it."""
    waiting = await half_done(project)
    await waiting.set_aside()
    project.commit("ignore", {".gitignore": "build/\nnew/\n"})
    write(project.path, {"new/one.py": "precious"})

    place = await project.in_place().prepare()

    assert (project.path / "new/one.py").read_text() == "precious"
    assert place.returned is not None
    assert not place.returned.is_whole
    assert place.returned.kept_as is not None
    assert project.git("show", f"{place.returned.kept_as}:new/one.py") == "x = 1"


async def test_commits_of_its_own_stay_and_are_judged(project):
    """They are on the owner's branch, from which nothing is ever taken."""
    waiting = await half_done(project)
    first = await waiting.prepare()
    project.commit("by the agent", {"agent.py": "y = 1\n"})
    write(project.path, {"later.py": "z = 1\n"})
    await waiting.set_aside()
    project.commit("mine", {"mine.py": ""})

    place = await project.in_place().prepare()

    assert place.base == first.base
    assert "+y = 1" in await project.in_place().diff()
    assert status(project) == {"?? later.py"}


async def test_a_task_that_has_changed_nothing_starts_from_what_is_there_then(project):
    """It had asked before it began."""
    waiting = project.in_place()
    await waiting.prepare()
    await waiting.set_aside()
    project.commit("mine", {"mine.py": ""})

    place = await project.in_place().prepare()

    assert place.base == project.head("main")
    assert await project.in_place().diff() == ""
    assert project.refs("refs/athena") == []


async def test_a_task_that_does_not_come_back_leaves_its_work_under_a_ref(project):
    """It was cancelled while it waited."""
    waiting = await half_done(project)
    await waiting.set_aside()

    name = await project.in_place().rescue()
    await project.in_place().remove()

    assert project.refs("refs/athena") == [name]
    assert name is not None
    assert name.startswith("refs/athena/rescue/task-7-")
    assert status(project) == set()


async def test_it_may_leave_again_and_again(project):
    """A question after the other."""
    waiting = await half_done(project)
    for number in range(3):
        await waiting.set_aside()
        project.commit(f"mine {number}", {f"{number}.txt": ""})
        await project.in_place().prepare()

    assert status(project) == HALF_DONE
    assert project.refs("refs/athena") == []


async def test_a_merge_that_is_not_finished_stays_in_the_folder(project):
    """Nobody takes it apart."""
    waiting = await half_done(project)
    (project.path / ".git" / "MERGE_HEAD").write_text(project.head())

    with pytest.raises(WorkspaceTrouble, match="in the middle of a merge"):
        await waiting.set_aside()

    assert (project.path / "new/one.py").exists()


async def test_a_worktree_is_the_task_s_own(project):
    """It stays as it is: nobody else works there."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"new.py": ""})

    await workspace.set_aside()

    assert (place.folder / "new.py").exists()
    assert project.refs("refs/athena") == []


async def test_a_task_that_cannot_leave_stays(project):
    """A file that it removed is one that nobody would see any more."""
    waiting = await half_done(project)
    first = await waiting.prepare()
    project.git("rm", "--quiet", "--cached", "old")
    write(project.path, {".gitignore": "build/\nold\n", "old": "precious"})
    with pytest.raises(WorkspaceTrouble, match="old is in the way"):
        await waiting.set_aside()

    place = await project.in_place().prepare()

    assert place == first
    assert (project.path / "old").read_text() == "precious"
    assert (project.path / "new/one.py").exists()
    assert project.refs("refs/athena") == []


# --- killed in the middle ---------------------------------------------------------------------


def killed_at(monkeypatch: pytest.MonkeyPatch, where: object, name: str, *, after: bool) -> None:
    """Break off where a function is called the first time; `after` it has done its work."""
    real = getattr(where, name)

    async def broken(*words: object, **options: object) -> object:
        monkeypatch.setattr(where, name, real)
        if after:
            await real(*words, **options)
        raise Killed

    def broken_at_once(*words: object, **options: object) -> None:
        monkeypatch.setattr(where, name, real)
        if after:
            real(*words, **options)
        raise Killed

    monkeypatch.setattr(where, name, broken_at_once if name == "write" else broken)


MOMENTS = [
    (asides, "leave", False),
    (asides, "leave", True),
    (notes, "write", True),
    (asides, "exchange", False),
    (asides, "exchange", True),
    (asides, "clear", True),
    (commits, "tree_of", True),
]


@pytest.mark.parametrize(("where", "name", "after"), MOMENTS)
@pytest.mark.parametrize("is_told", [True, False])
async def test_killed_while_it_leaves_nothing_is_lost(
    project, monkeypatch, where, name, after, is_told
):
    """It leaves at the next start, or goes on at once; what the owner wrote since is theirs."""
    waiting = await half_done(project)
    killed_at(monkeypatch, where, name, after=after)
    with pytest.raises(Killed):
        await waiting.set_aside()
    write(project.path, {"app.py": "print('mine')\n"})

    if is_told:
        await project.in_place().set_aside()
    await project.in_place().prepare()

    assert (project.path / "app.py").read_text() == "print('mine')\n"
    assert status(project) - {"M app.py"} == HALF_DONE


RETURNS = [
    (asides, "plan", False),
    (asides, "plan", True),
    (notes, "write", True),
    (asides, "exchange", False),
    (asides, "exchange", True),
    (asides, "give_back", True),
]


@pytest.mark.parametrize(("where", "name", "after"), RETURNS)
@pytest.mark.parametrize("leaves", [False, True])
async def test_killed_while_it_comes_back_nothing_is_lost(
    project, monkeypatch, where, name, after, leaves
):
    """It goes on where it was, or leaves again; the owner's file is in neither's way."""
    await (await half_done(project)).set_aside()
    project.commit("mine", {"lib/door.py": "a\nb\nc\nd\ne\nF\n"})
    killed_at(monkeypatch, where, name, after=after)
    with pytest.raises(Killed):
        await project.in_place().prepare()
    write(project.path, {"app.py": "print('mine')\n"})

    if leaves:
        await project.in_place().set_aside()
        assert not (project.path / "new/one.py").exists()
    place = await project.in_place().prepare()

    assert (project.path / "app.py").read_text() == "print('mine')\n"
    assert (project.path / "lib/door.py").read_text() == "A\nb\nc\nd\ne\nF\n"
    assert (project.path / "new/one.py").read_text() == "x = 1\n"
    assert place.returned is not None
    assert place.returned.conflicts == ()
    assert project.refs("refs/athena") == []


async def test_a_file_that_was_half_put_back_is_said(project, monkeypatch):
    """The machine lost its power in the middle: somebody's file or not, it stays."""
    await (await half_done(project)).set_aside()

    async def torn(*_words: object) -> None:
        write(project.path, {"lib/door.py": "A\nb\n", "new/one.py": "x = 1\n"})
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(asides, "exchange", torn)
        with pytest.raises(Killed):
            await project.in_place().prepare()

    place = await project.in_place().prepare()

    assert place.returned is not None
    assert not place.returned.is_whole
    assert project.git("show", f"{place.returned.kept_as}:lib/door.py").startswith("A\nb\nc")
    assert (project.path / "new/one.py").exists()
    assert not (project.path / "old").exists()
