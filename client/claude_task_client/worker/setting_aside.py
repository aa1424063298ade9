"""What is given back for a while leaves its folder to others, where the folder is not its own."""

from __future__ import annotations

import logging

from claude_task_client.worker.job import Workspace
from claude_task_client.worker.record import Journal
from claude_task_client.worker.reporter import TaskLog

log = logging.getLogger(__name__)


async def set_aside(workspace: Workspace | None, journal: Journal, diary: TaskLog) -> None:
    """Have a task that waits leave the folder. Where it cannot, it stays; the log says why."""
    if workspace is None:
        return
    try:
        await workspace.set_aside()
    except Exception as error:
        log.exception("task #%s could not leave its folder", journal.record.task_id)
        diary.fault(f"its unfinished work stays in {journal.record.folder}: {error}")
