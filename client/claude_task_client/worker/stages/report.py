"""Last: what Athena is told of a task that is done."""

from __future__ import annotations

from claude_task_client.worker import endings
from claude_task_client.worker.job import Finish, Job, Verdict


async def report(job: Job) -> Verdict:
    """Make the result. It is kept on disk until Athena has it."""
    return Finish(endings.completed(job))
