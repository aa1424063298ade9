"""A program in place of Claude: its exit code is its answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from claude_task_client.worker.config import ExecutorName
from claude_task_client.worker.executor import End
from claude_task_client.worker.record import EndingKind
from tests.worker.staged import Played, PlayedChecks, done, staged


async def test_a_program_that_fails_is_not_talked_to(tmp_path: Path):
    """It would do the same again, at once; its work stays on the branch, as for any failure."""
    failed = done("trying", end=End.FAILED, error="job.sh ended with exit code 7:\ntrying")
    job = staged(tmp_path, agent=Played(failed), executor=ExecutorName.SHELL)

    ending = await job.run()

    assert (ending.kind, ending.body["retry"]) == (EndingKind.FAILED, True)
    assert ending.body["error"] == "job.sh ended with exit code 7:\ntrying"
    assert ending.body["result"]["branch"] == "athena/task-7"


@pytest.mark.parametrize("text", ["", "Shall I go on?"])
async def test_a_program_has_ended_well_by_its_exit_code(tmp_path: Path, text: str):
    """Whatever it has printed, or has not."""
    job = staged(tmp_path, agent=Played(done(text)), executor=ExecutorName.SHELL)

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED


async def test_a_program_gets_the_task_each_time(tmp_path: Path):
    """There is no conversation in which it was said before."""
    agent = Played(done(), done())
    job = staged(
        tmp_path,
        agent=agent,
        executor=ExecutorName.SHELL,
        test_command="make test",
        checks=PlayedChecks(1, 0),
    )

    await job.run()

    assert all("Mend the door" in str(prompt) for prompt in agent.prompts)
    assert "exit 1" in str(agent.prompts[1])
