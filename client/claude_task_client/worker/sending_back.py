"""How any stage lets Claude go on: with a reply, as often as the limits allow."""

from __future__ import annotations

from claude_task_client.worker import endings
from claude_task_client.worker.job import Finish, Job, SendBack, Verdict


async def sent_back(job: Job, reply: str) -> Verdict:
    """Claude again, with a word on the whole now and then; or the end, after too many rounds."""
    record, limits = job.record, job.limits
    if record.iterations >= limits.iterations:
        reason = f"Not done after {record.iterations} rounds. The last word to it was: {reply}"
        return Finish(await endings.failed_with_work(job, reason, retry=True))
    every = limits.feedback_every
    if every and record.iterations % every == 0:
        word = job.texts.feedback.format(iterations=record.iterations, task=job.task.description)
        reply = f"{reply}\n\n{word}"
    return SendBack(reply)
