"""Where Claude stopped short of the task, an automatic reply lets it go on."""

from __future__ import annotations

import re
from typing import Final

from claude_task_client.worker import endings
from claude_task_client.worker.config import ExecutorName
from claude_task_client.worker.executor import End, LineKind
from claude_task_client.worker.job import Finish, GoOn, Job, SendBack, Verdict
from claude_task_client.worker.prompts import task_prompt
from claude_task_client.worker.sending_back import sent_back

# Only what a last sentence asks of a person, so that "Should the user want more, ..." is no pause.
_ASKS: Final = re.compile(
    r"\b(shall|should|may|can|could) (i|we)\b"
    r"|\b(would|do) you (like|want|prefer)( me| us)?\b"
    r"|\blet me know (if|whether|when|how|which)\b"
    r"|\b(ready|waiting) (for|to) (your|proceed|continue)\b"
    r"|\bplease (confirm|advise|approve|let me know)\b"
    r"|\bawait(ing)? your\b",
    re.IGNORECASE,
)
_LAST_CHARACTERS: Final = 400


def asks_to_go_on(text: str) -> bool:
    """Whether the last words wait for somebody who is not there."""
    last = text.strip()[-_LAST_CHARACTERS:]
    paragraphs = [paragraph for paragraph in last.split("\n\n") if paragraph.strip()]
    return bool(paragraphs) and _ASKS.search(paragraphs[-1]) is not None


async def nudge(job: Job) -> Verdict:
    """Let Claude go on, as often as the limits allow."""
    record, texts, limits = job.record, job.texts, job.limits
    if job.project.executor is ExecutorName.SHELL:
        return await _of_a_program(job)
    if record.end == End.SESSION_LOST:
        record.session_id = None
        told = f"{task_prompt(job)}\n\n{texts.interrupted}"
        if record.reply is not None:
            told = f"{told}\n\nWhat you were told last:\n\n{record.reply}"
        return await _sent_back(job, told)
    if record.notice is not None:
        # It went on with a call that had waited, and does not know yet what its folder has now.
        return await _sent_back(job, texts.go_on)
    if record.end != End.FINISHED:
        return await _sent_back(job, texts.after_error.format(error=record.error or record.end))
    if not record.output.strip():
        return await _sent_back(job, texts.no_end)
    if not asks_to_go_on(record.output):
        return GoOn()
    record.pauses += 1
    if record.pauses > limits.pauses:
        # It has had its answers. Whether the work is done is for the auditor to say.
        job.reporter.log(LineKind.SYSTEM, f"It asked to go on {record.pauses} times; no further.")
        return GoOn()
    return await _sent_back(job, texts.go_on)


async def _of_a_program(job: Job) -> Verdict:
    """It heeds no word, and its exit code is its answer: the next attempt may do better."""
    record = job.record
    if record.end == End.FINISHED:
        return GoOn()
    reason = record.error or f"The program's run ended as {record.end}."
    return Finish(await endings.failed_with_work(job, reason, retry=True))


async def _sent_back(job: Job, reply: str) -> Verdict:
    verdict = await sent_back(job, reply)
    if isinstance(verdict, SendBack):
        job.reporter.log(LineKind.SYSTEM, f"Nudged: {reply}")
    return verdict
