"""The way of a task: a visible list of stages over one value.

Each stage says what comes next: the following one, Claude again with a reply, or the end of the
attempt. Where a task stands is kept on disk between any two, so that a worker that was killed goes
on where it was.
Source: specification, section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from claude_task_client.worker import endings, putting_off
from claude_task_client.worker.coming_back import come_back
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import Finish, GoOn, Job, SendBack, Stage, WorkspaceTrouble
from claude_task_client.worker.record import Ending
from claude_task_client.worker.stages.audit import audit
from claude_task_client.worker.stages.checkpoint import checkpoint
from claude_task_client.worker.stages.commit import commit
from claude_task_client.worker.stages.implement import implement
from claude_task_client.worker.stages.nudge import nudge
from claude_task_client.worker.stages.publish import publish
from claude_task_client.worker.stages.report import report
from claude_task_client.worker.stages.test import test


class Step(NamedTuple):
    """A stage, its name in the journal, and the phase that Athena shows meanwhile."""

    name: str
    phase: str
    stage: Stage


STEPS: Final[Sequence[Step]] = (
    Step("checkpoint", "working", checkpoint),
    Step("implement", "working", implement),
    Step("nudge", "working", nudge),
    Step("audit", "auditing", audit),
    Step("test", "testing", test),
    Step("commit", "committing", commit),
    Step("publish", "committing", publish),
    Step("report", "committing", report),
)

_PLACES: Final = {step.name: place for place, step in enumerate(STEPS)}


async def run(job: Job) -> Ending:
    """Take the task from where it stands to the end of this attempt.

    The ending is in the journal when this returns. Cancelled, it leaves the journal as it is: the
    task can go on from there.
    """
    is_back = job.record.stage != STEPS[0].name
    while job.record.ending is None:
        step = STEPS[_PLACES[job.record.stage]]
        job.reporter.phase(step.phase)
        try:
            if is_back:
                await come_back(job)
                is_back = False
                continue
            verdict = await step.stage(job)
        except WorkspaceTrouble as trouble:
            verdict = await _troubled(job, trouble)
        match verdict:
            case GoOn():
                job.record.stage = STEPS[_PLACES[step.name] + 1].name
            case SendBack(reply):
                job.record.reply = reply
                job.record.stage = "implement"
            case Finish(ending):
                job.record.ending = putting_off.unless_missing(job, ending)
        job.journal.save()
    return job.record.ending


async def _troubled(job: Job, trouble: WorkspaceTrouble) -> Finish:
    """What passes by itself costs no attempt: the work is done, and only waits for its push."""
    if trouble.transient:
        return await putting_off.after_trouble(job, trouble)
    job.reporter.log(LineKind.ERROR, str(trouble))
    # Claude would do all of it again, to meet the same refusal: that is for a person to mend.
    has_worked = job.record.session_id is not None
    return Finish(endings.failed(job, str(trouble), retry=not has_worked))
