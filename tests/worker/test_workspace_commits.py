"""What is committed of a task's work, how, and by whom."""

from __future__ import annotations

from tests.worker.repositories import done, write


async def test_the_work_is_committed_in_the_owner_s_name_with_the_task_s_number(project):
    """The branch tells whose machine did it, and for which task."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": "print(2)\n", "lib/new.py": "x = 1\n", "build/out": "no"})

    head = await done(workspace, "Print  two\n", "Because one was not enough.")

    told = project.git("log", "-1", "--format=%an <%ae>%n%B", "athena/task-7").strip()
    assert told == (
        "Ada <ada@example.org>\nPrint two\n\nBecause one was not enough.\n\nAthena-Task: 7"
    )
    assert head == project.head("athena/task-7")
    assert project.files("athena/task-7") == [".gitignore", "app.py", "lib/new.py"]
    assert project.git("status", "--porcelain", at=place.folder) == ""


async def test_to_commit_again_gives_the_same_commit(project):
    """A worker that was killed right after the commit makes no second one."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": "print(2)\n"})
    tree = await workspace.snapshot()
    first = await workspace.commit("Do it", "", tree=tree)

    again = await project.workspace().commit("Do it", "", tree=tree)

    assert again == first
    assert project.git("rev-list", "--count", "main..athena/task-7") == "1"


async def test_only_what_was_judged_is_committed(project):
    """What the checks leave behind is no part of the work."""
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": "print(2)\n"})
    tree = await workspace.snapshot()
    write(place.folder, {"report.xml": "<tests/>", "app.py": "print(3)\n"})

    await workspace.commit("Do it", "", tree=tree)

    assert project.files("athena/task-7") == [".gitignore", "app.py"]
    assert project.git("show", "athena/task-7:app.py") == "print(2)"
    assert (place.folder / "app.py").read_text() == "print(3)\n"


async def test_left_overs_are_committed_on_top_of_what_the_agent_committed(project):
    """Claude may commit by itself; nothing of that is rewritten."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("by the agent", {"one.py": ""}, at=place.folder)
    write(place.folder, {"two.py": ""})

    await done(workspace)

    subjects = project.git("log", "--format=%s", "main..athena/task-7").splitlines()
    assert subjects == ["Do it", "by the agent"]


async def test_nothing_changed_is_no_commit(project):
    """A task that needs no change is done without one, and leaves no branch."""
    workspace = project.workspace()
    await workspace.prepare()

    head = await done(workspace)
    await workspace.remove()

    assert head is None
    assert project.refs("refs/heads") == ["refs/heads/main"]


async def test_without_an_identity_the_worker_signs_with_its_own(project):
    """A fresh service account has no name; its work is committed all the same."""
    project.git("config", "--global", "--unset", "user.name")
    project.git("config", "--global", "--unset", "user.email")
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": ""})

    await done(workspace)

    who = project.git("log", "-1", "--format=%an <%ae> %cn", "athena/task-7")
    assert who == "Athena worker <athena-worker@localhost> Athena worker"


async def test_a_commit_that_cannot_be_signed_is_made_unsigned(project):
    """Nobody is there to unlock a key; the work is worth more than its signature."""
    project.git("config", "--global", "commit.gpgSign", "true")
    project.git("config", "--global", "gpg.program", "/bin/false")
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": ""})

    head = await done(workspace)

    assert head == project.head("athena/task-7")
    assert any("Not signed" in sentence for sentence in project.said)


async def test_no_hook_of_the_repository_runs(project):
    """A task could have written it: what runs here is what a person has allowed."""
    trace = project.root / "trace"
    for name in ("post-checkout", "pre-commit", "post-commit", "reference-transaction"):
        hook = project.path / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\nenv >> {trace}\n")
        hook.chmod(0o755)
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {"app.py": ""})

    await done(workspace)
    await workspace.remove()

    assert not trace.exists()


async def test_git_sees_no_secret_of_the_worker(project):
    """Filters and credential helpers are programs too."""
    trace = project.root / "trace"
    project.git("config", "filter.spy.clean", f"env >> {trace}; cat")
    workspace = project.workspace()
    place = await workspace.prepare()
    write(place.folder, {".gitattributes": "*.py filter=spy\n", "app.py": "print(2)\n"})

    await workspace.snapshot()

    seen = trace.read_text()
    assert f"HOME={project.home}" in seen
    assert "ATHENA" not in seen


async def test_an_agent_that_left_its_branch_is_followed(project):
    """Work on another branch, or on none, is what the task's branch gets."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.git("switch", "--quiet", "--create", "feature", at=place.folder)
    project.commit("elsewhere", {"feature.py": ""}, at=place.folder)
    write(place.folder, {"more.py": ""})

    head = await done(workspace)

    assert head == project.head("athena/task-7") == project.head(at=place.folder)
    assert project.git("symbolic-ref", "HEAD", at=place.folder) == "refs/heads/athena/task-7"
    assert "feature.py" in project.files("athena/task-7")


async def test_history_that_the_agent_rewrote_is_kept_aside(project):
    """The branch gets what is checked out; what it had before is not lost."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("first try", {"one.py": ""}, at=place.folder)
    first_try = project.head(at=place.folder)
    project.git("checkout", "--quiet", "--detach", "main", at=place.folder)
    project.commit("second try", {"two.py": ""}, at=place.folder)

    await done(workspace)

    assert project.files("athena/task-7") == [".gitignore", "app.py", "two.py"]
    (rescued,) = project.refs("refs/athena/rescue")
    assert project.head(rescued) == first_try
