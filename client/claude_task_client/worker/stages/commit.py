"""What was judged and tested is committed on the task's branch: that, and nothing else."""

from __future__ import annotations

from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import GoOn, Job, SendBack, Verdict
from claude_task_client.worker.prompts import SAID_MEANWHILE, cut, subject_of, with_messages
from claude_task_client.worker.spending import exhausted

_BODY_CHARACTERS_MAX = 2_000


async def commit(job: Job) -> Verdict:
    """Commit the tree that was judged. A repeat finds the commit that was made before.

    Not before Claude has heard what people have said since its last run.
    """
    record = job.record
    await job.people.look()
    if messages := job.people.take_messages():
        if record.iterations < job.limits.iterations and exhausted(job) is None:
            return SendBack(with_messages(SAID_MEANWHILE, messages))
        job.reporter.log(LineKind.SYSTEM, f"Said too late for another round: {messages}")
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
