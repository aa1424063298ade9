"""What a task learns that goes on in a folder which it had left."""

from __future__ import annotations

from claude_task_client.worker.executor import End
from claude_task_client.worker.job import Returned
from tests.worker.staged import Played, done, staged


def came(**fields: object) -> Returned:
    """What came of a return."""
    values: dict[str, object] = {
        "key": "1",
        "is_moved": True,
        "conflicts": (),
        "is_whole": True,
        "kept_as": None,
        **fields,
    }
    return Returned(**values)  # type: ignore[arg-type]


async def test_claude_is_told_of_conflicts_before_all_else(tmp_path):
    """What was judged before is judged anew."""
    job = staged(tmp_path, agent=Played(done()))
    job.record.stage, job.record.session_id = "commit", "old"
    job.workspace.returned = came(conflicts=("door.py",), kept_as="refs/athena/rescue/task-7-1")

    await job.run()

    (prompt,) = job.agent.prompts
    assert "- door.py" in str(prompt)
    assert "refs/athena/rescue/task-7-1" in str(prompt)
    assert len(job.auditor.turns) == 1
    assert job.record.notice is None


async def test_work_on_another_base_is_judged_anew(tmp_path):
    """The tree that was judged lacks what others have done meanwhile."""
    job = staged(tmp_path, agent=Played())
    job.record.stage, job.record.tree = "commit", "of before"
    job.workspace.returned = came()

    await job.run()

    assert len(job.auditor.turns) == 1
    assert job.workspace.committed == [("Mend the door", "tree")]


async def test_a_folder_as_it_was_is_worth_no_word(tmp_path):
    """It goes on where it stood."""
    job = staged(tmp_path, agent=Played())
    job.record.stage, job.record.tree = "commit", "judged"
    job.workspace.returned = came(is_moved=False)

    await job.run()

    assert job.auditor.turns == []
    assert job.workspace.committed == [("Mend the door", "judged")]


async def test_a_call_that_was_waited_for_goes_first(tmp_path):
    """Then Claude is told of the conflict, before anybody judges the work."""
    job = staged(tmp_path, agent=Played(done("Painted."), done("Resolved.")))
    job.record.stage, job.record.session_id, job.record.is_deferred = "implement", "old", True
    job.workspace.returned = came(conflicts=("door.py",))

    await job.run()

    first, second = job.agent.prompts
    assert first is None
    assert "- door.py" in str(second)


async def test_it_is_told_once_for_each_return(tmp_path):
    """Also after a kill; and again where the prompt was not heard."""
    limit = done("", end=End.API_UNAVAILABLE)
    job = staged(tmp_path, agent=Played(limit, done("Shall I go on?"), done()))
    job.record.stage, job.record.session_id = "implement", "old"
    job.workspace.returned = came()

    await job.run()
    job.record.ending = None
    await job.run()

    told = ["Others have worked there" in str(prompt) for prompt in job.agent.prompts]
    assert told == [True, True, False]
