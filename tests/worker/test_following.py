"""Where a follow-up starts, and what its changes are seen from."""

from __future__ import annotations

import pytest

from claude_task_client.wire import Task
from claude_task_client.worker.config import Isolation
from claude_task_client.worker.following import Standing, followed_id, standing_of
from claude_task_client.worker.job import Earlier, Place
from tests.worker.repositories import Project, done, write
from tests.worker.staged import Played, staged
from tests.worker.staged import done as ended


async def did(project: Project, task_id: int = 1, *, of: int | None = None) -> str:
    """A task that has changed a file of its own; the commit."""
    workspace = project.workspace(task_id) if of is None else project.follow_up(task_id, of=of)
    place = await workspace.prepare()
    write(place.folder, {f"{task_id}.py": f"x = {task_id}\n"})
    head = await done(workspace, f"Do {task_id}")
    await workspace.remove()
    assert head is not None
    return head


async def begun(project: Project, **options: object) -> Place:
    """A task #2 that follows #1."""
    return await project.follow_up(2, of=1, **options).prepare()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "number"),
    [
        (5, 5),
        (2**63 - 1, 2**63 - 1),
        (7, None),
        (0, None),
        (-5, None),
        (2**63, None),
        (True, None),
        (5.0, None),
        ("5", None),
        ("--upload-pack=touch trace", None),
        ("../../main", None),
        ([5], None),
        (None, None),
    ],
)
def test_only_the_number_of_another_task_is_followed(told: object, number: int | None):
    """People write metadata: whatever else stands there names no branch."""
    assert followed_id({"follows": told}, task_id=7) == number
    assert followed_id({}, task_id=7) is None


@pytest.mark.parametrize(
    ("status", "of", "standing"),
    [
        ("completed", "app", Standing.ACCEPTED),
        ("failed", "app", Standing.UNFINISHED),
        ("cancelled", "app", Standing.UNFINISHED),
        ("in_progress", "app", Standing.UNFINISHED),
        ("completed", "other", Standing.ELSEWHERE),
        ("completed", None, Standing.ELSEWHERE),
    ],
)
def test_only_a_completed_task_of_the_same_project_was_accepted(status, of, standing):
    """A number is easily written down wrong."""
    earlier = Task.read({"id": 1, "status": status, "project": of})

    assert standing_of(earlier, project="app") is standing


async def test_it_starts_from_the_branch_of_the_task_it_follows(project):
    """And has changed nothing yet: what was accepted there is not judged again."""
    first = await did(project)

    place = await begun(project)

    assert (place.base, place.earlier) == (first, Earlier.FROM)
    assert project.head(at=place.folder) == first
    assert place.branch == "athena/task-2"
    assert (place.folder / "1.py").exists()
    assert await project.workspace(2).diff() == ""
    assert project.said == ["Starting from athena/task-1, which is not merged yet."]


async def test_its_changes_are_its_own_alone(project):
    """Diff, findings and commit concern what is new."""
    first = await did(project)
    place = await begun(project)
    write(place.folder, {"2.py": "x = 2\n"})

    workspace = project.workspace(2)
    diff, head = await workspace.diff(), await done(workspace)

    assert "2.py" in diff
    assert "1.py" not in diff
    assert head == project.head("athena/task-2")
    assert project.head("athena/task-2^") == first == project.head("athena/task-1")


async def test_a_follow_up_of_a_follow_up_has_both(project):
    """Three follows two follows one."""
    await did(project)
    second = await did(project, 2, of=1)

    place = await project.follow_up(3, of=2).prepare()

    assert place.base == second
    assert {"1.py", "2.py"} <= {file.name for file in place.folder.iterdir()}


async def test_a_follow_up_that_changed_nothing_breaks_no_chain(project):
    """It answered a question; the next one builds upon what was before."""
    first = await did(project)
    workspace = project.follow_up(2, of=1)
    await workspace.prepare()
    await workspace.remove()

    place = await project.follow_up(3, of=2).prepare()

    assert (place.base, place.earlier) == (first, Earlier.FROM)


@pytest.mark.parametrize("how", ["--no-ff", "--squash"])
async def test_what_was_merged_is_started_from_the_base(project, how):
    """Also where a forge has made one commit of it, and though the branch is still there."""
    await did(project)
    await did(project, 2, of=1)
    project.commit("meanwhile", {"other.py": ""})
    project.git("merge", "--quiet", how, "athena/task-2")
    if how == "--squash":
        project.git("commit", "--quiet", "--message", "All of it (#3)")
    project.commit("more", {"more.py": ""})

    place = await project.follow_up(3, of=2).prepare()

    assert (place.base, place.earlier) == (project.head("main"), Earlier.MERGED)
    assert {"1.py", "2.py", "more.py"} <= {file.name for file in place.folder.iterdir()}


async def test_what_was_rebased_onto_the_base_is_merged(project):
    """Each commit has one like it there."""
    place = await project.workspace(1).prepare()
    project.commit("one", {"one.py": "1\n"}, at=place.folder)
    project.commit("two", {"two.py": "2\n"}, at=place.folder)
    await project.workspace(1).remove()
    project.commit("meanwhile", {"other.py": ""})
    project.git("cherry-pick", "main..athena/task-1")

    assert (await begun(project)).earlier is Earlier.MERGED


async def test_a_branch_that_is_gone_is_not_missed(project):
    """Somebody deleted it, or it is on another machine."""
    place = await begun(project)

    assert (place.base, place.earlier) == (project.head("main"), Earlier.GONE)


async def test_the_branch_of_another_project_s_task_is_not_its_own(project):
    """Two projects may share a repository, and the number was written by somebody."""
    await did(project)

    place = await begun(project, standing=Standing.ELSEWHERE)

    assert (place.base, place.earlier) == (project.head("main"), Earlier.GONE)


async def test_what_nobody_accepted_is_judged_with_what_is_built_upon_it(project):
    """Else a follow-up would publish what an auditor has refused."""
    first = await did(project)

    place = await begun(project, standing=Standing.UNFINISHED)

    assert project.head(at=place.folder) == first
    assert (place.base, place.earlier) == (project.head("main"), Earlier.FROM)
    assert "+x = 1" in await project.workspace(2).diff()


async def test_it_starts_from_what_another_machine_has_pushed(project):
    """The task was done there."""
    project.with_remote()
    other = project.root / "other"
    project.git("clone", "--quiet", str(project.remote), str(other))
    project.git("switch", "--quiet", "--create", "athena/task-1", at=other)
    project.commit("theirs", {"1.py": ""}, at=other)
    project.git("push", "--quiet", "origin", "athena/task-1", at=other)

    place = await begun(project)

    assert (place.base, place.earlier) == (project.head(at=other), Earlier.FROM)


async def test_commits_of_the_owner_below_it_are_not_published(project):
    """The earlier task was not to be pushed, and built upon what is not public."""
    project.with_remote().commit("mine", {"mine.py": ""})
    await did(project)

    place = await begun(project, push=True)

    assert (place.base, place.earlier) == (project.head("origin/main"), Earlier.APART)
    assert (await project.follow_up(3, of=1).prepare()).earlier is Earlier.FROM


async def test_an_earlier_attempt_of_the_follow_up_is_gone_on_with(project):
    """What was new in it counts in full, and nothing else."""
    first = await did(project)
    place = await begun(project)
    project.commit("so far", {"2.py": "x = 2\n"}, at=place.folder)
    await project.workspace(2).remove()
    project.commit("more of the owner", {"other.py": ""})

    again = await begun(project)

    assert (again.base, again.earlier) == (first, Earlier.FROM)
    assert (again.folder / "2.py").exists()


async def test_an_earlier_attempt_without_that_work_is_told_where_it_is(project):
    """The branch came to be known only after it."""
    place = await project.workspace(2).prepare()
    project.commit("so far", {"2.py": "x = 2\n"}, at=place.folder)
    await project.workspace(2).remove()
    await did(project)

    again = await begun(project)

    assert (again.base, again.earlier) == (project.head("main"), Earlier.APART)


async def test_to_prepare_again_finds_the_same(project):
    """Also without anybody who knows what is followed, and after the branch was merged."""
    await did(project)
    first = await begun(project)
    project.git("merge", "--quiet", "athena/task-1")

    assert await begun(project) == await project.workspace(2).prepare() == first


async def test_a_lost_registration_moves_no_branch(project):
    """The folder is adopted at the commit it has, though the base has gone on."""
    place = await project.workspace(1).prepare()
    write(place.folder, {"new.py": ""})
    project.commit("more of the owner", {"other.py": ""})
    (project.path / ".git" / "worktrees" / "task-1").rename(project.root / "lost")

    again = await project.workspace(1).prepare()
    head = await done(project.workspace(1))

    assert again == place
    assert head is not None
    assert project.git("diff", "--name-only", place.base, head) == "new.py"


# --- what Claude is told ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "told", "never"),
    [
        (Earlier.FROM, "is in your folder and on your branch already", "git merge"),
        (Earlier.MERGED, "was merged meanwhile", "git merge"),
        (Earlier.APART, "on the branch athena/task-5", "already"),
        (Earlier.GONE, "no branch athena/task-5 any more", "git merge"),
    ],
)
async def test_claude_is_told_where_the_earlier_work_is(tmp_path, earlier, told, never):
    """What is said of it is true in each case; the folder is another one."""
    job = staged(tmp_path, agent=Played(ended()), continues="old", follows=5, earlier=earlier)

    await job.run()

    prompt = " ".join(str(job.agent.prompts[0]).split())
    assert f"in another folder: {tmp_path}" in prompt
    assert "follows task #5" in prompt
    assert told in prompt
    assert never not in prompt


async def test_a_new_conversation_is_told_as_well(tmp_path):
    """The task that is followed had none, or it was lost."""
    job = staged(tmp_path, agent=Played(ended()), follows=5, earlier=Earlier.FROM)

    await job.run()

    assert "It follows task #5" in str(job.agent.prompts[0])
    assert "another folder" not in str(job.agent.prompts[0])
    assert "follows an earlier task" in str(job.auditor.prompts[0])


async def test_a_conversation_that_follows_nothing_known_is_told_to_look(tmp_path):
    """A person named the session themselves."""
    job = staged(tmp_path, agent=Played(ended()), continues="old")

    await job.run()

    assert "only where it has been merged" in str(job.agent.prompts[0])


async def test_in_place_nothing_is_said_of_branches(tmp_path):
    """The folder is the one it was."""
    job = staged(
        tmp_path,
        agent=Played(ended()),
        continues="old",
        follows=5,
        isolation=Isolation.IN_PLACE,
    )

    await job.run()

    assert "project's own folder" in str(job.agent.prompts[0])
    assert "athena/" not in str(job.agent.prompts[0])
