"""A task that goes on finds its folder again, and learns what became of it meanwhile."""

from __future__ import annotations

from typing import Final

from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import Job, Returned
from claude_task_client.worker.prompts import returned_text

_JUDGED: Final = frozenset({"test", "commit"})
_BEFORE_COMMIT: Final = frozenset({"implement", "nudge", "audit", *_JUDGED})


async def come_back(job: Job) -> None:
    """Find the workspace. What was judged in another folder than it is now, is judged anew."""
    place = await job.workspace.prepare()
    record, returned = job.record, place.returned
    record.folder, record.branch, record.base = str(place.folder), place.branch, place.base
    if returned is not None and returned.key != record.returned:
        record.returned = returned.key
        _take_up(job, returned)
    job.journal.save()


def _take_up(job: Job, returned: Returned) -> None:
    record = job.record
    is_as_it_was = returned.is_whole and not returned.conflicts
    if record.stage not in _BEFORE_COMMIT or (is_as_it_was and not returned.is_moved):
        return
    told = returned_text(returned)
    job.reporter.log(LineKind.GIT, told)
    if is_as_it_was:
        if record.stage in _JUDGED:
            record.stage = "audit"
        # A call that waits for its answer is gone on with as it is: nothing is said before it.
        record.notice = None if record.is_deferred else told
        return
    record.notice = told
    if record.stage != "implement":
        record.stage, record.reply = "implement", job.texts.interrupted
