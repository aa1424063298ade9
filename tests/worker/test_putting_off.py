"""What passes by itself, or waits for a person, costs no attempt."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from claude_task_client.worker.config import Limits
from claude_task_client.worker.executor import Answer, End
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.record import EndingKind
from tests.worker.staged import NOW, Played, done, staged


async def test_a_usage_limit_parks_until_the_reset(tmp_path: Path):
    """No attempt is spent; what was said is said again when the task comes back."""
    reset = NOW + timedelta(hours=3)
    limited = done("", end=End.USAGE_LIMIT, resets_at=reset)
    job = staged(tmp_path, agent=Played(limited, done()))

    ending = await job.run()

    assert (ending.kind, ending.trouble, ending.keep) == (EndingKind.PARKED, "usage_limit", True)
    assert ending.body["until"] == "2026-11-22T15:00:00.000Z"
    assert ending.body["session_id"] == job.record.session_id
    job.record.ending = None
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert "Mend the door" in str(job.agent.prompts[1])
    assert job.agent.turns[1].session_id == job.record.session_id


async def test_an_outage_waits_longer_each_time(tmp_path: Path):
    """A dozen times; then it is a failed attempt."""
    away = done("", end=End.API_UNAVAILABLE, error="connection refused")
    job = staged(tmp_path, agent=Played(rest=away), limits=Limits(iterations=50))
    waits = []

    while (ending := await job.run()).kind is EndingKind.PARKED:
        waits.append(ending.body["until"][11:16])
        job.record.ending = None

    assert waits[:6] == ["12:02", "12:04", "12:08", "12:16", "12:32", "13:00"]
    assert len(waits) == 12
    assert ending.kind is EndingKind.FAILED


async def test_a_remote_that_is_away_costs_no_attempt(tmp_path: Path):
    """The work waits for its push, and is not done again."""
    job = staged(tmp_path, agent=Played(done()), push=True)
    away = WorkspaceTrouble("Cannot push: Connection timed out", transient=True)
    job.workspace.troubles = [away, away]

    ending = await job.run()

    assert (ending.kind, ending.keep) == (EndingKind.PARKED, True)
    assert ending.body["until"][11:16] == "12:02"
    assert "timed out" in ending.body["notes"]
    job.record.ending = None
    assert (await job.run()).body["until"][11:16] == "12:04"
    job.record.ending = None
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert job.record.result["pushed"] is True


async def test_signed_out_hands_the_task_back(tmp_path: Path):
    """It costs no attempt, and this worker takes no other."""
    job = staged(tmp_path, agent=Played(done("", end=End.SIGNED_OUT, error="401")))

    ending = await job.run()

    assert (ending.kind, ending.trouble) == (EndingKind.RELEASED, "signed_out")


async def test_an_open_question_parks_and_the_call_is_resumed(tmp_path: Path):
    """With the answer the conversation goes on by itself: nothing is said to it."""
    job = staged(tmp_path, agent=Played(done("", end=End.DEFERRED), done()))
    job.record.question_id = 9

    ending = await job.run()

    assert (ending.kind, ending.body["question"]) == (EndingKind.PARKED, 9)
    job.record.ending, job.record.question_id = None, 9
    assert (await job.run()).kind is EndingKind.PARKED
    assert len(job.agent.turns) == 1
    job.record.ending = None
    job.people.answers[9] = Answer(text="allow")
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert job.agent.prompts[1] is None


@pytest.mark.parametrize("end", [End.DEFERRED, End.USAGE_LIMIT, End.API_UNAVAILABLE])
async def test_waiting_is_no_round(tmp_path: Path, end: End):
    """A person's answer or a limit that takes its time costs the task none of its rounds."""
    waits = [done("", end=end) for _ in range(3)]
    agent = Played(*waits, done("Shall I go on?"), done())
    job = staged(tmp_path, agent=agent, limits=Limits(iterations=2))
    job.people.answers[9] = Answer(text="allow")

    for _ in waits:
        job.record.question_id = 9
        assert (await job.run()).kind is EndingKind.PARKED
        job.record.ending = None

    assert (await job.run()).kind is EndingKind.COMPLETED


@pytest.mark.parametrize("is_mount_point", [True, False])
async def test_what_fails_while_the_folder_is_away_costs_no_attempt(
    tmp_path: Path, is_mount_point: bool
):
    """A disk that was unmounted in the middle: the task goes on where it stands."""
    project = tmp_path / "house"
    (project / ".git").mkdir(parents=True)
    job = staged(tmp_path, agent=Played(done()), push=True, path=project)
    job.workspace.troubles = [WorkspaceTrouble("git push: fatal: not a git repository")]
    away = project.rename(tmp_path / "away")
    if is_mount_point:
        project.mkdir()

    ending = await job.run()

    assert (ending.kind, ending.trouble) == (EndingKind.RELEASED, "project_missing")
    assert ending.keep
    assert str(project) in ending.body["notes"]
    away.rename(project)
    job.record.ending = None
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert (len(job.agent.turns), job.workspace.pushed) == (1, 1)
