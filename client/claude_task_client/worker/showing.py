"""What a worker says of itself: to Athena with each heartbeat, and in its status file."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from claude_task_client.errors import BadSettings
from claude_task_client.wire import time_text
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.hands import Hands
from claude_task_client.worker.health_watch import HealthWatch
from claude_task_client.worker.holdback import Holdback
from claude_task_client.worker.line import Line
from claude_task_client.worker.options import WorkOptions
from claude_task_client.worker.record import Journal
from claude_task_client.worker.status import StatusFile, TaskStatus, WorkerStatus

SPACING_SECONDS: Final = 0.5
# It is written anew when something changes, and now and then in any case.
REPEAT_SECONDS: Final = 600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What there is to be said something of."""

    instance: str
    url: str
    labels: Sequence[str]
    options: WorkOptions
    line: Line
    health: HealthWatch
    holdback: Holdback
    hands: Hands
    is_stopping: Callable[[], bool]


class Showing:
    """Tells how a worker is."""

    def __init__(
        self, parts: Parts, introduction: Mapping[str, Any], *, now: Callable[[], datetime]
    ) -> None:
        self._parts = parts
        self._introduction = introduction
        self._file = StatusFile(parts.options.state)
        self._started_at = time_text(now())

    def introduction(self) -> Mapping[str, Any]:
        """What a heartbeat says besides the tasks."""
        parts = self._parts
        health = parts.health.report
        if parts.holdback.until is not None:
            health = {"ok": True, **(health or {})}
            health["limited_until"] = time_text(parts.holdback.until)
        return {
            **self._introduction,
            "labels": list(parts.labels),
            "projects": self._projects(),
            "slots": parts.options.jobs,
            "health": health,
        }

    def _projects(self) -> list[str]:
        """Those served: without the sick ones, so that `why` can tell. Never none, which is all."""
        served = self._parts.options.projects
        sick = self._parts.health.sick_projects
        return [name for name in served if name not in sick] or list(served)

    async def show_for_ever(self, changes: Changes) -> None:
        """Write the file when something has changed."""
        while True:
            shown = changes.count
            self.show()
            await asyncio.sleep(SPACING_SECONDS)
            await changes.within(REPEAT_SECONDS, since=shown)

    def show(self) -> None:
        """Write the file."""
        try:
            self._file.write(self._status())
        except BadSettings as error:
            log.warning("%s", error)

    def _status(self) -> WorkerStatus:
        parts = self._parts
        in_hand = [
            _status_of(each.journal, "running" if each.is_running else "ending")
            for each in parts.hands.all
        ]
        return WorkerStatus(
            pid=os.getpid(),
            instance=parts.instance,
            url=parts.url,
            started_at=self._started_at,
            state=self._state,
            slots=parts.options.jobs,
            projects=list(parts.options.projects),
            health=parts.health.report or {},
            tasks=in_hand + [_status_of(each, "waiting") for each in parts.hands.waiting],
            limited_until=_text_of(parts.holdback.until),
            away_since=_text_of(parts.line.away_since),
            why_away=parts.line.why_away,
            done=parts.hands.done,
        )

    @property
    def _state(self) -> str:
        parts = self._parts
        if parts.is_stopping():
            return "stopping"
        if parts.line.is_away:
            return "away"
        if not parts.health.is_fit:
            return "sick" if parts.health.is_known else "examining"
        if parts.hands.all:
            return "working"
        return "idle" if parts.holdback.until is None else "limited"


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)


def _status_of(journal: Journal, state: str) -> TaskStatus:
    record = journal.record
    return TaskStatus(
        task_id=record.task_id,
        attempt=record.attempt,
        project=record.project,
        stage=record.stage,
        state=state,
        started_at=record.started_at,
        question_id=record.question_id,
    )
