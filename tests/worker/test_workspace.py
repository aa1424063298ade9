"""A task's folder and branch: made, found again, committed, kept safe, removed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from claude_task_client.worker.job import WorkspaceTrouble
from tests.worker.repositories import Project, done, write


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path).make()


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


# --- keeping and removing ---------------------------------------------------------------------


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


# --- what a kill leaves behind ----------------------------------------------------------------


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


# --- what is seen -----------------------------------------------------------------------------


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


# --- refusals ---------------------------------------------------------------------------------


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
