"""What people say to a task reaches Claude, whatever happens to the run."""

from __future__ import annotations

from pathlib import Path

from claude_task_client.worker.config import Limits
from claude_task_client.worker.executor import End
from claude_task_client.worker.record import EndingKind
from tests.worker.staged import Played, done, staged


async def test_what_people_said_stands_in_the_next_prompt(tmp_path: Path):
    """A word to a task that waits is not lost."""
    job = staged(tmp_path, agent=Played(done()))
    job.people.messages = ["Use oak."]

    await job.run()

    assert str(job.agent.prompts[0]).endswith("A person adds:\nUse oak.")


async def test_what_people_said_is_said_again_after_a_kill(tmp_path: Path):
    """Whether the prompt that it stood in was heard is not known."""
    job = staged(tmp_path, agent=Played(done("", end=End.USAGE_LIMIT), done()))
    job.people.messages = ["Use oak."]

    await job.run()
    job.record.ending = None
    await job.run()

    assert "Use oak." in str(job.agent.prompts[1])
    assert "Mend the door" in str(job.agent.prompts[1])


async def test_what_people_said_outlives_a_lost_conversation(tmp_path: Path):
    """The new one hears it as well."""
    job = staged(tmp_path, agent=Played(done("", end=End.SESSION_LOST), done()), continues="old")
    job.people.messages = ["Use oak."]

    await job.run()

    assert "Use oak." in str(job.agent.prompts[1])


async def test_nothing_is_committed_before_the_last_word_was_heard(tmp_path: Path):
    """Said during the audit or the tests: Claude goes on, and all is judged again."""
    job = staged(tmp_path, agent=Played(done(), done("With oak.")))
    job.people.said_at_the_end = ["Use oak."]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert str(job.agent.prompts[1]).endswith("A person adds:\nUse oak.")
    assert len(job.auditor.turns) == 2
    assert len(job.workspace.committed) == 1


async def test_a_word_beyond_the_last_round_spoils_nothing(tmp_path: Path):
    """What was accepted is committed; the transcript names what came too late."""
    job = staged(tmp_path, agent=Played(done()), limits=Limits(iterations=1))
    job.people.said_at_the_end = ["Use oak."]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert any("Use oak." in text for _, text in job.lines.lines)
