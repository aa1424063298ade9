"""Where Claude stops short of the task, and how often it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_task_client.worker.executor import End
from claude_task_client.worker.record import EndingKind
from claude_task_client.worker.stages.nudge import asks_to_go_on
from tests.worker.staged import Played, done, staged


@pytest.mark.parametrize(
    "text",
    [
        "I made the first part. Shall I go on with the second?",
        "There are two ways.\n\nWould you like me to take the first?",
        "Let me know if I should continue.",
        "Please confirm before I delete the table.",
        "I am waiting for your approval.",
    ],
)
def test_a_question_to_nobody_is_a_pause(text: str):
    """Only what the last words ask counts."""
    assert asks_to_go_on(text)


@pytest.mark.parametrize(
    "text",
    [
        "Done. All tests pass.",
        "Should we ever need it, it is there.\n\nEverything is done: the tests pass.",
        "",
    ],
)
def test_a_report_is_no_pause(text: str):
    """A report may speak of questions further up."""
    assert not asks_to_go_on(text)


async def test_a_pause_is_answered_five_times(tmp_path: Path):
    """Then it has had its answers, and the auditor judges what is there."""
    job = staged(tmp_path, agent=Played(rest=done("Shall I go on?")))

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert len(job.agent.turns) == 6
    assert job.agent.prompts[1] == job.job.texts.go_on
    assert len(job.auditor.turns) == 1


async def test_the_conversation_goes_on(tmp_path: Path):
    """A reply is said in the same session, which is held while it runs."""
    job = staged(tmp_path, agent=Played(done("Shall I?"), done()))

    await job.run()

    first, second = job.agent.turns
    assert first.session_id is None
    assert second.session_id == first.new_session_id == job.record.session_id


async def test_twenty_rounds_are_the_most(tmp_path: Path):
    """Then the attempt fails, with the branch that holds what was done."""
    job = staged(tmp_path, agent=Played(rest=done("", end=End.FAILED, error="boom")))

    ending = await job.run()

    assert len(job.agent.turns) == 20
    assert ending.kind is EndingKind.FAILED
    assert ending.body["retry"] is True
    assert ending.body["result"]["commit"] == "c" * 40
    assert job.workspace.committed == [("Unfinished: Mend the door", "tree")]


async def test_after_an_error_the_reply_names_it(tmp_path: Path):
    """And every fourth round there is a word on the whole."""
    crashed = done("", end=End.CRASHED, error="exit code 9")
    job = staged(tmp_path, agent=Played(crashed, crashed, crashed, crashed, done()))

    await job.run()

    assert "exit code 9" in str(job.agent.prompts[1])
    assert "after 4 rounds" in str(job.agent.prompts[4])
    assert "Mend the door" in str(job.agent.prompts[4])
    assert "rounds" not in str(job.agent.prompts[3])


async def test_no_words_at_all_are_no_end(tmp_path: Path):
    """A run that says nothing has stopped short."""
    job = staged(tmp_path, agent=Played(done(""), done("Done.")))

    await job.run()

    assert job.agent.prompts[1] == job.job.texts.no_end


async def test_a_lost_conversation_starts_anew(tmp_path: Path):
    """With the task, and the word that something may be there already."""
    lost = done("", end=End.SESSION_LOST, error="No conversation found")
    job = staged(tmp_path, agent=Played(lost, done()), continues="old")

    await job.run()

    assert job.agent.turns[0].session_id == "old"
    assert job.agent.turns[1].session_id is None
    assert job.agent.turns[1].new_session_id not in {None, "old"}
    assert "Mend the door" in str(job.agent.prompts[1])
