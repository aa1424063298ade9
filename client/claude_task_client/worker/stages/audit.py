"""A second agent, which may only read, judges the work; the worker's own eyes look first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from claude_task_client.worker import endings, putting_off
from claude_task_client.worker.aside import QuietDesk
from claude_task_client.worker.executor import LineKind, Outcome, Turn
from claude_task_client.worker.job import Doubt, Finish, GoOn, Job, Verdict
from claude_task_client.worker.prompts import (
    AUDITING_RULES,
    VERDICT_SCHEMA,
    audit_prompt,
    findings_text,
)
from claude_task_client.worker.sending_back import sent_back
from claude_task_client.worker.spending import left_for_reading, note_usage


async def audit(job: Job) -> Verdict:
    """Approve the work, or send it back with findings."""
    record = job.record
    record.tree = await job.workspace.snapshot()
    seen = await job.workspace.findings()
    if _must_go_back(job, seen):
        findings = [{"text": str(finding)} for finding in seen]
        return await _rejected(job, findings, by="The worker")
    if not job.project.audit:
        return GoOn()
    turn = _turn(job, await job.workspace.diff(), doubts=seen)
    outcome = await _asked(job, turn)
    if _verdict(outcome) is None and outcome.end not in putting_off.ENDS:
        outcome = await _asked(job, replace(turn, new_session_id=str(uuid.uuid4())))
    if outcome.end in putting_off.ENDS:
        return await putting_off.put_off(job, outcome)
    match _verdict(outcome):
        case "approved":
            return _approved(job, outcome)
        case "rejected":
            return await _rejected(job, _findings(outcome), by="The auditor")
    why = outcome.error or f"it ended as {outcome.end.value}, without one in the form asked for"
    reason = f"The auditor gave no verdict, twice: {why}"
    return Finish(await endings.failed_with_work(job, reason, retry=True))


def _must_go_back(job: Job, seen: Sequence[str]) -> bool:
    """Whether what the worker sees has to be undone, or explained, before anybody judges it.

    A doubt (a test is gone, or weaker) goes back once. Where it stands after that, the task may ask
    for just this: the auditor is told of it, and decides. Without an auditor it is not let through.
    """
    doubts = [finding for finding in seen if isinstance(finding, Doubt)]
    has_new_doubt = not set(doubts) <= set(job.record.doubts)
    job.record.doubts = [str(doubt) for doubt in doubts]
    is_certain = len(doubts) < len(seen)
    return is_certain or has_new_doubt or bool(doubts and not job.project.audit)


async def _asked(job: Job, turn: Turn) -> Outcome:
    outcome = await job.auditor.run(turn, QuietDesk(job.desk, who="Auditor"))
    note_usage(job, outcome)
    return outcome


def _verdict(outcome: Outcome) -> object:
    return (outcome.structured or {}).get("verdict")


def _turn(job: Job, diff: str, *, doubts: Sequence[str]) -> Turn:
    return Turn(
        task_id=job.task.id,
        prompt=audit_prompt(job, diff, doubts=doubts),
        folder=job.folder,
        temporary=job.journal.temporary,
        new_session_id=str(uuid.uuid4()),
        system_append=AUDITING_RULES,
        model=job.project.audit_model or job.project.model,
        may_write=False,
        schema=VERDICT_SCHEMA,
        **left_for_reading(job),
    )


def _findings(outcome: Outcome) -> list[dict[str, Any]]:
    told = (outcome.structured or {}).get("findings")
    return [f for f in told if isinstance(f, dict)] if isinstance(told, list) else []


def _approved(job: Job, outcome: Outcome) -> Verdict:
    findings = _findings(outcome)
    _note(job, "approved", findings)
    job.reporter.log(LineKind.SYSTEM, "The auditor approves.")
    return GoOn()


async def _rejected(job: Job, findings: list[dict[str, Any]], *, by: str) -> Verdict:
    record, text = job.record, findings_text(findings) or "- no findings were given"
    record.rejections += 1
    _note(job, "rejected", findings)
    job.reporter.log(LineKind.SYSTEM, f"{by} rejects the work:\n{text}")
    if record.rejections >= job.limits.audits:
        reason = f"{by} rejected the work, {record.rejections} times in all. The last time:\n{text}"
        return Finish(await endings.failed_with_work(job, reason, retry=True))
    return await sent_back(job, job.texts.rejected.format(findings=text))


def _note(job: Job, verdict: str, findings: list[dict[str, Any]]) -> None:
    iterations = job.record.rejections + (verdict == "approved")
    job.record.result["audit"] = {
        "verdict": verdict,
        "iterations": iterations,
        "findings": findings,
    }
