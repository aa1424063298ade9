"""Where the project wants it, the branch is pushed, and a pull request opened: once."""

from __future__ import annotations

from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import GoOn, Job, Verdict
from claude_task_client.worker.prompts import cut, subject_of

_BODY_CHARACTERS_MAX = 10_000


async def publish(job: Job) -> Verdict:
    """Push, then open a pull request. Both are noted before, and looked up after, a crash."""
    record, project = job.record, job.project
    commit = record.result.get("commit")
    if commit is None or not (project.push or project.pull_request):
        return GoOn()
    record.intents["push"] = str(commit)
    job.journal.save()
    await job.workspace.push()
    record.result["pushed"] = True
    job.reporter.log(LineKind.GIT, f"Pushed {record.branch} to {project.remote}")
    if project.pull_request:
        record.intents["pull_request"] = str(record.branch)
        job.journal.save()
        title = subject_of(job.task.description)
        body = cut(record.output, characters=_BODY_CHARACTERS_MAX)
        url = await job.workspace.pull_request(title, f"{body}\n\nAthena task #{job.task.id}")
        record.result["pull_request_url"] = url
        job.reporter.log(LineKind.GIT, f"Pull request: {url}")
    return GoOn()
