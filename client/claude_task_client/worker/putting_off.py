"""What passes by itself, such as a usage limit or a remote that is away: the task waits.

No attempt is spent on it, and what was done so far is gone on with.
"""

from __future__ import annotations

from typing import Final

from claude_task_client.worker import endings
from claude_task_client.worker.executor import End, LineKind, Outcome
from claude_task_client.worker.job import Finish, Job, WorkspaceTrouble
from claude_task_client.worker.project_health import what_is_missing
from claude_task_client.worker.record import Ending, EndingKind

OUTAGES_MAX: Final = 12
ENDS: Final = frozenset({End.USAGE_LIMIT, End.API_UNAVAILABLE, End.SIGNED_OUT})


async def put_off(job: Job, outcome: Outcome) -> Finish:
    """End the attempt so that the task goes on later, where it stands. For one of `ENDS`."""
    match outcome.end:
        case End.USAGE_LIMIT:
            until = outcome.resets_at or endings.outage_ends(job)
            notes = f"The usage limit is reached; going on at {until:%Y-%m-%d %H:%M} UTC."
            ending = endings.parked_until(job, until, notes, trouble="usage_limit")
        case End.SIGNED_OUT:
            notes = f"Claude Code is not signed in on this machine: {outcome.error}"
            ending = endings.handed_back(notes, trouble="signed_out")
        case _:
            return await _after_outage(job, f"The model's API is away ({outcome.error}).")
    job.reporter.log(LineKind.SYSTEM, notes)
    return Finish(ending)


async def after_trouble(job: Job, trouble: WorkspaceTrouble) -> Finish:
    """A remote is away, a disk is full: wait, with all that was done, where the task stands."""
    return await _after_outage(job, str(trouble))


def unless_missing(job: Job, ending: Ending) -> Ending:
    """How it ended; what failed while the project's folder is away goes on once that is back."""
    missing = what_is_missing(job.project) if ending.kind is EndingKind.FAILED else None
    if missing is None:
        return ending
    job.reporter.log(LineKind.ERROR, missing)
    return endings.handed_back(missing, trouble=endings.PROJECT_MISSING)


async def _after_outage(job: Job, what: str) -> Finish:
    """Wait, a little longer each time, a dozen times at most."""
    record = job.record
    record.outages += 1
    if record.outages > OUTAGES_MAX:
        reason = f"It could not go on, {OUTAGES_MAX} times in a row: {what}"
        return Finish(await endings.failed_with_work(job, reason, retry=True))
    until = endings.outage_ends(job)
    notes = f"{what}\nTrying again at {until:%H:%M} UTC."
    job.reporter.log(LineKind.ERROR, notes)
    return Finish(endings.parked_until(job, until, notes))
