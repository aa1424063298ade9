"""The remote of a project: cloned, fetched, started from, pushed to."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from claude_task_client.worker import refusals, repository
from claude_task_client.worker.job import WorkspaceTrouble
from tests.worker.repositories import Project, done, write


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path).make().with_remote()


@pytest.fixture
def other(project: Project) -> Path:
    """Somebody else's clone of the remote."""
    folder = project.root / "other"
    project.git("clone", "--quiet", str(project.remote), str(folder))
    return folder


def make_stale(project: Project) -> None:
    """As if the last fetch were long ago."""
    (project.path / ".git" / repository.FETCHED).unlink(missing_ok=True)


# --- cloning ----------------------------------------------------------------------------------


async def test_a_missing_repository_is_cloned(project):
    """The config names where it is; the worker has it from there."""
    path = project.state / "repositories" / "app"

    place = await project.workspace(path=path, repository=str(project.remote)).prepare()

    assert (place.folder / "app.py").exists()
    assert project.git("remote", "get-url", "origin", at=path) == str(project.remote)


async def test_it_is_cloned_once_for_many_tasks(project):
    """Jobs that begin together wait for one clone; what a killed one left is removed."""
    path = project.state / "repositories" / "app"
    write(path.parent / ".app.cloning-1", {"half": ""})
    options = {"path": path, "repository": str(project.remote)}

    places = await asyncio.gather(
        *(project.workspace(number, **options).prepare() for number in range(1, 5))
    )

    assert all((place.folder / "app.py").exists() for place in places)
    assert project.said.count(f"Cloning {project.remote}") == 1
    assert {entry.name for entry in path.parent.iterdir()} == {"app", ".app.lock"}


async def test_a_refused_clone_shows_the_key_to_add(project):
    """The person who reads it can mend it at once."""
    write(project.home / ".ssh", {"id_ed25519.pub": "ssh-ed25519 AAAAkey ada@pi\n"})
    ssh = project.root / "ssh"
    ssh.write_text(
        "#!/bin/sh\necho 'git@github.com: Permission denied (publickey).' >&2; exit 255\n"
    )
    ssh.chmod(0o755)
    options = {"path": project.state / "gone", "repository": "git@github.com:ada/app.git"}
    workspace = project.workspace(**options)
    workspace._repository.environment["GIT_SSH"] = str(ssh)

    with pytest.raises(WorkspaceTrouble) as refused:
        await workspace.prepare()

    assert "Permission denied (publickey)" in str(refused.value)
    assert "ssh-ed25519 AAAAkey ada@pi" in str(refused.value)
    assert not refused.value.transient


async def test_a_path_without_a_repository_to_clone_is_named(project):
    """A sentence, not a traceback."""
    with pytest.raises(WorkspaceTrouble, match="no repository to clone"):
        await project.workspace(path=project.root / "gone").prepare()


@pytest.mark.parametrize(
    ("address", "said", "expected", "transient"),
    [
        ("git@host:a/b.git", "Permission denied (publickey).", "ssh-keygen -t ed25519", False),
        ("ssh://git@host/a", "Host key verification failed.", "ssh -T git@host", False),
        ("https://h/a/b.git", "fatal: could not read Username", "gh auth setup-git", False),
        ("https://h/a/b.git", "remote: Repository not found.", "Is the address right?", False),
        ("https://h/a/b.git", "fatal: Could not resolve host: h", "Could not resolve", True),
        ("git@host:a/b.git", "ssh: connect: Connection timed out", "timed out", True),
        ("https://h/a", "The requested URL returned error: 503", "503", True),
        ("https://h/a", "! [remote rejected] (protected branch)", "own rules refuse", False),
        ("/some/folder", "fatal: no space left", "no space left", False),
    ],
)
def test_each_refusal_says_what_to_do(tmp_path, address, said, expected, transient):
    """Or that another try may do."""
    told = refusals.trouble("Cannot clone it", address, said, home=tmp_path)

    assert expected in str(told)
    assert told.transient is transient


# --- where a task starts ----------------------------------------------------------------------


async def test_a_task_starts_from_what_the_remote_has_now(project, other):
    """Others have gone on meanwhile."""
    project.commit("theirs", {"theirs.py": ""}, at=other)
    project.git("push", "--quiet", at=other)

    place = await project.workspace().prepare()

    assert place.base == project.head(at=other)
    assert project.head("main") != place.base
    assert project.said == []


async def test_a_fetch_of_a_moment_ago_is_not_repeated(project, other):
    """Nothing stands between a task and its first step that was just done."""
    await project.workspace(1).prepare()
    project.commit("theirs", {"theirs.py": ""}, at=other)
    project.git("push", "--quiet", at=other)

    soon = await project.workspace(2).prepare()
    make_stale(project)
    later = await project.workspace(3).prepare()

    assert soon.base == project.head("main")
    assert later.base == project.head(at=other)


async def test_offline_the_task_starts_from_what_is_there(project):
    """A worker on a train goes on, and says so."""
    project.remote.rename(project.root / "away")

    place = await project.workspace().prepare()

    assert place.base == project.head("main")
    assert "Going on with what is here" in project.said[0]


async def test_commits_that_are_not_pushed_are_worked_upon(project):
    """The owner's newest is what they mean."""
    project.commit("mine", {"mine.py": ""})

    place = await project.workspace().prepare()

    assert place.base == project.head("main")
    assert "starting from main" in project.said[0]


async def test_commits_that_are_not_pushed_are_not_published_for_their_owner(project):
    """A branch that is pushed starts from what is public."""
    project.commit("mine", {"mine.py": ""})

    place = await project.workspace(push=True).prepare()

    assert place.base == project.head("origin/main")
    assert "starting from origin/main" in project.said[0]


async def test_where_both_have_gone_on_the_remote_counts(project, other):
    """That is where the work will be merged."""
    project.commit("mine", {"mine.py": ""})
    project.commit("theirs", {"theirs.py": ""}, at=other)
    project.git("push", "--quiet", at=other)

    place = await project.workspace().prepare()

    assert place.base == project.head(at=other)
    assert "differ" in project.said[0]


async def test_the_config_s_base_branch_counts(project, other):
    """Of the remote, though this machine has never seen it."""
    project.git("switch", "--quiet", "--create", "release/2", at=other)
    project.commit("release", {"two.py": ""}, at=other)
    project.git("push", "--quiet", "origin", "release/2", at=other)

    place = await project.workspace(base_branch="release/2").prepare()

    assert place.base == project.head(at=other)


async def test_a_base_branch_that_nobody_has_is_named(project):
    """Not silently another one."""
    with pytest.raises(WorkspaceTrouble, match="no commit on release/3"):
        await project.workspace(base_branch="release/3").prepare()


async def test_the_work_of_another_machine_is_gone_on_with(project, other):
    """An attempt that pushed and failed elsewhere."""
    project.git("switch", "--quiet", "--create", "athena/task-7", at=other)
    project.commit("so far", {"one.py": ""}, at=other)
    project.git("push", "--quiet", "origin", "athena/task-7", at=other)

    place = await project.workspace().prepare()

    assert (place.folder / "one.py").exists()
    assert place.base == project.head("main")


async def test_submodules_are_filled(project, tmp_path):
    """Tests of the project need them."""
    (tmp_path / "library").mkdir()
    library = Project(tmp_path / "library").make()
    project.git("config", "--global", "protocol.file.allow", "always")
    project.git("submodule", "--quiet", "add", str(library.path), "library")
    project.git("commit", "--quiet", "--message", "library")

    workspace = project.workspace()
    place = await workspace.prepare()
    is_filled = (place.folder / "library" / "app.py").exists()
    write(place.folder, {"new.py": ""})
    await done(workspace)
    await workspace.remove()

    assert is_filled
    assert project.files("athena/task-7") == [
        ".gitignore",
        ".gitmodules",
        "app.py",
        "library",
        "new.py",
    ]
    assert not place.folder.exists()


# --- pushing ----------------------------------------------------------------------------------


async def worked(project: Project) -> str | None:
    """A task's commit."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"new.py": ""})
    return await done(workspace)


async def test_the_branch_is_pushed_once(project):
    """A repeat changes nothing."""
    head = await worked(project)

    await project.workspace().push()
    await project.workspace().push()

    assert project.head("athena/task-7", at=project.remote) == head


async def test_a_remote_branch_that_moved_on_is_not_overwritten(project, other):
    """Never by force: the sentence says what to do."""
    await worked(project)
    project.git("switch", "--quiet", "--create", "athena/task-7", at=other)
    project.commit("theirs", {"theirs.py": ""}, at=other)
    project.git("push", "--quiet", "origin", "athena/task-7", at=other)

    with pytest.raises(WorkspaceTrouble, match="has commits that the work here lacks") as refused:
        await project.workspace().push()

    assert not refused.value.transient
    assert project.head("athena/task-7", at=project.remote) == project.head(at=other)


async def test_a_push_that_somebody_went_on_from_is_no_trouble(project, other):
    """Killed before it noted the push; a person has committed on top meanwhile."""
    await worked(project)
    await project.workspace().push()
    project.git("fetch", "--quiet", at=other)
    project.git("switch", "--quiet", "athena/task-7", at=other)
    project.commit("on top", {"more.py": ""}, at=other)
    project.git("push", "--quiet", at=other)

    await project.workspace().push()

    assert project.head("athena/task-7", at=project.remote) == project.head(at=other)


async def test_a_remote_that_refuses_is_quoted(project):
    """Its own rules are for its owner to change."""
    hook = project.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'no branches on Sundays' >&2; exit 1\n")
    hook.chmod(0o755)
    await worked(project)

    with pytest.raises(WorkspaceTrouble, match="no branches on Sundays"):
        await project.workspace().push()


async def test_a_repository_without_a_remote_is_named(tmp_path):
    """There is nowhere to push to."""
    project = Project(tmp_path).make()
    await worked(project)

    with pytest.raises(WorkspaceTrouble, match="no remote origin"):
        await project.workspace().push()


async def test_large_files_are_pushed_first(project):
    """What the hook of Git LFS does, since no hook runs."""
    trace = project.root / "trace"
    lfs = project.root / "bin" / "git-lfs"
    write(lfs.parent, {"git-lfs": f'#!/bin/sh\necho "$@" > {trace}\n'})
    lfs.chmod(0o755)
    (project.path / ".git" / "lfs").mkdir()
    await worked(project)
    workspace = project.workspace()
    path = f"{lfs.parent}{os.pathsep}{workspace._repository.environment['PATH']}"
    workspace._repository.environment["PATH"] = path

    await workspace.push()

    assert trace.read_text() == "push origin athena/task-7\n"


async def test_no_hook_runs_when_the_branch_is_pushed(project):
    """As for the commit."""
    trace = project.root / "trace"
    hook = project.path / ".git" / "hooks" / "pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    await worked(project)

    await project.workspace().push()

    assert not trace.exists()
