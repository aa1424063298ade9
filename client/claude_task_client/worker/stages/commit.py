"""What was judged and tested is committed on the task's branch: that, and nothing else."""

from __future__ import annotations

from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import GoOn, Job, Verdict
from claude_task_client.worker.prompts import cut, subject_of

_BODY_CHARACTERS_MAX = 2_000


async def commit(job: Job) -> Verdict:
    """Commit the tree that was judged. A repeat finds the commit that was made before."""
    record = job.record
    if not job.project.commit:
        record.result.update(branch=record.branch)
        return GoOn()
    tree = record.tree or await job.workspace.snapshot()
    body = cut(record.output, characters=_BODY_CHARACTERS_MAX)
    head = await job.workspace.commit(subject_of(job.task.description), body, tree=tree)
    if head is None:
        job.reporter.log(LineKind.GIT, "Nothing was changed: there is nothing to commit.")
        return GoOn()
    record.result.update(branch=record.branch, commit=head)
    job.reporter.log(LineKind.GIT, f"Committed {head[:12]} on {record.branch}")
    return GoOn()
