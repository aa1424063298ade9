"""The way of a task through its stages, and what it comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_task_client.worker.executor import Outcome, Usage
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.pipeline import STEPS
from claude_task_client.worker.record import EndingKind, journals
from tests.worker.staged import Played, done, staged


async def test_a_task_goes_through_every_stage_once(tmp_path: Path):
    """Checkpoint, implement, nudge, audit, test, commit, publish, report: in this order."""
    job = staged(tmp_path, agent=Played(done("Mended.")), test_command="make test")

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert job.workspace.committed == [("Mend the door", "tree")]
    assert job.checks.ran == ["make test"]
    result = ending.body["result"]
    assert result["success"] is True
    assert result["output"] == "Mended."
    assert (result["branch"], result["commit"]) == ("athena/task-7", "c" * 40)
    assert result["audit"] == {"verdict": "approved", "iterations": 1, "findings": []}
    assert (result["tests"]["passed"], result["tests"]["exit_code"]) == (1, 0)
    assert result["total_cost_usd"] == pytest.approx(0.11)
    assert result["duration_ms"] == 3_600_000
    assert job.workspace.pushed == 0
    assert job.lines.phases == [step.phase for step in STEPS]


async def test_a_result_has_every_field(tmp_path: Path):
    """Also what did not come about is said: nobody has to guess whether it was pushed."""
    job = staged(tmp_path, agent=Played(done()), audit=False, commit=False)

    result = (await job.run()).body["result"]

    told = ("commit", "pushed", "pull_request_url", "audit", "tests", "error")
    assert [result[name] for name in told] == [None, False, None, None, None, None]


async def test_where_it_stands_is_on_disk_at_the_end(tmp_path: Path):
    """The ending is kept until Athena has it."""
    job = staged(tmp_path, agent=Played(done()))

    await job.run()

    (kept,) = journals(tmp_path / "jobs")
    assert kept.record == job.record
    assert kept.record.ending is not None


async def test_pushed_and_requested_only_where_wanted(tmp_path: Path):
    """And noted before it is done."""
    job = staged(tmp_path, agent=Played(done()), push=True, pull_request=True)

    ending = await job.run()

    assert (job.workspace.pushed, job.workspace.requests) == (1, 1)
    assert ending.body["result"]["pushed"] is True
    assert ending.body["result"]["pull_request_url"] == "https://forge.example/1"
    assert job.record.intents == {"push": "c" * 40, "pull_request": "athena/task-7"}


async def test_a_remote_that_refuses_fails_the_attempt(tmp_path: Path):
    """What only a person can mend is told at once."""
    job = staged(tmp_path, agent=Played(done()), push=True)
    job.workspace.troubles = [WorkspaceTrouble("Permission denied")]

    ending = await job.run()

    assert (ending.kind, ending.body["error"]) == (EndingKind.FAILED, "Permission denied")


async def test_after_a_kill_what_was_said_is_said_again(tmp_path: Path):
    """Whether it was heard is not known."""
    job = staged(tmp_path, agent=Played(done()))
    job.record.stage, job.record.iterations = "implement", 1
    job.record.session_id, job.record.is_running = "s", True

    await job.run()

    assert job.agent.turns[0].session_id == "s"
    assert "interrupted" in str(job.agent.prompts[0])
    assert "Mend the door" in str(job.agent.prompts[0])


async def test_limits_of_the_task_count_over_all_runs(tmp_path: Path):
    """Turns, cost and time; the next run gets what is left."""
    dear = done("Shall I?", usage=Usage(total_cost_usd=0.6, num_turns=90, duration_ms=60_000))
    job = staged(tmp_path, agent=Played(rest=dear), max_cost_usd=1.0)

    ending = await job.run()

    assert [turn.max_turns for turn in job.agent.turns] == [200, 110]
    assert job.agent.turns[1].max_cost_usd == pytest.approx(0.4)
    assert job.agent.turns[1].timeout_seconds == 7140
    assert ending.kind is EndingKind.FAILED
    assert ending.body["retry"] is False
    assert "max_cost_usd" in ending.body["error"]


async def test_what_git_refuses_for_good_is_not_worked_on_again(tmp_path: Path):
    """Claude would do all of it once more, to meet the same refusal; a person has to look."""
    job = staged(tmp_path, agent=Played(done()), push=True)

    async def refuse() -> None:
        raise WorkspaceTrouble("The branch has moved on.")

    job.workspace.push = refuse  # type: ignore[method-assign]
    ending = await job.run()

    assert ending.kind is EndingKind.FAILED
    assert (ending.body["error"], ending.body["retry"]) == ("The branch has moved on.", False)
    assert ending.body["result"]["commit"] == "c" * 40


async def test_the_time_with_the_api_is_counted_once(tmp_path: Path):
    """The program tells that of the whole conversation with each run of it."""

    def told(text: str, api_ms: int) -> Outcome:
        usage = Usage(num_turns=1, duration_ms=2000, duration_api_ms=api_ms)
        return done(text, usage=usage, session_id="s")

    job = staged(tmp_path, agent=Played(told("Shall I?", 1000), told("", 1500), told("Ok.", 1800)))

    ending = await job.run()

    assert ending.body["result"]["duration_api_ms"] == 1800


async def test_a_follow_up_is_told_of_its_new_folder(tmp_path: Path):
    """The conversation knows another one, which is gone; earlier work is on its own branch."""
    job = staged(tmp_path, agent=Played(done()), continues="old")

    await job.run()

    (prompt,) = job.agent.prompts
    assert str(tmp_path) in str(prompt)
    assert "Mend the door" in str(prompt)
    assert job.agent.turns[0].session_id == "old"
