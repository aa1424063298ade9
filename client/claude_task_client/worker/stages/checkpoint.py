"""First: a folder and a branch of its own, and whatever was there before kept safe."""

from __future__ import annotations

from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import GoOn, Job, Verdict


async def checkpoint(job: Job) -> Verdict:
    """Make the workspace."""
    place = await job.workspace.prepare()
    record = job.record
    record.folder, record.branch, record.base = str(place.folder), place.branch, place.base
    record.earlier = place.earlier
    job.reporter.log(LineKind.GIT, f"On {place.branch}, from {place.base[:12]}")
    return GoOn()
