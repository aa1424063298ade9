"""What Athena hears of a running task: kept on disk at once, sent when she answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import Conflict, NotFound, Refused
from claude_task_client.recording import LINE_CHARACTERS_MAX
from claude_task_client.wire import time_text
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.kept_log import Batch, KeptLog
from claude_task_client.worker.line import Line
from claude_task_client.worker.project_logs import ProjectLogs
from claude_task_client.worker.record import Journal

# Followers see a line soon, and a talkative run makes no more than two requests a second.
SPACING_SECONDS: Final = 0.5
# Each progress is an event that people are told of.
PROGRESS_SPACING_SECONDS: Final = 2.0
PROGRESS_CHARACTERS_MAX: Final = 2_000

_CLAIMED: Final[dict[str, object]] = {"phase": "working"}


@dataclass(frozen=True, slots=True)
class TaskLog:
    """What the people of this machine read of a task in its project's logs."""

    logs: ProjectLogs
    project: str
    task_id: int

    def note(self, text: str) -> None:
        """Something happened."""
        self.logs.note(self.project, text, task_id=self.task_id)

    def fault(self, text: str) -> None:
        """Something went wrong."""
        self.logs.fault(self.project, text, task_id=self.task_id)


class JobReporter:
    """The reporter of one task. `start` and `close` are its holder's."""

    def __init__(
        self,
        athena: AsyncAthena,
        line: Line,
        journal: Journal,
        *,
        task_log: TaskLog,
        now: Callable[[], datetime],
        on_conflict: Callable[[], None],
    ) -> None:
        self._athena = athena
        self._line = line
        self._record = journal.record
        self._task_log = task_log
        self._now = now
        self._on_conflict = on_conflict
        self._kept = KeptLog(journal.folder, journal.record.attempt)
        self._changes = Changes()
        self._status: dict[str, object] = {}
        # So it is after a claim; after a crash nobody knows what Athena was told.
        self._told = dict(_CLAIMED) if journal.record.stage == "checkpoint" else {}
        self._progress_after = 0.0
        self._is_refused = False
        self._is_ending = False
        self._is_broken = False
        self._sending: asyncio.Task[None] | None = None

    def log(self, kind: LineKind, text: str) -> None:
        """Keep a line of the transcript."""
        text = text[:LINE_CHARACTERS_MAX]
        line = {"at": time_text(self._now()), "kind": kind.value, "text": text}
        with contextlib.suppress(OSError):  # a full disk costs the line, not the task
            self._kept.add(line)
        note = self._task_log.fault if kind is LineKind.ERROR else self._task_log.note
        note(f"{kind.value}: {text}")
        self._changes.tell()

    def progress(self, message: str | None = None, *, percent: int | None = None) -> None:
        """What is being done now; of several, Athena hears the last."""
        if message is not None:
            self._say(message=message[:PROGRESS_CHARACTERS_MAX])
        if percent is not None:
            self._say(percent=percent)

    def phase(self, phase: str) -> None:
        """Which phase the task is in."""
        self._say(phase=phase)

    def session(self, session_id: str) -> None:
        """Which conversation works on it."""
        self._say(session_id=session_id)

    def start(self) -> None:
        """Send from now on."""
        self._sending = asyncio.create_task(self._send_for_ever())
        self._sending.add_done_callback(self._note_end)

    async def flush(self) -> None:
        """Return once Athena has the transcript, or takes no more of it. Progress is over."""
        self._is_ending = True
        self._changes.tell()
        await self._changes.until(lambda: self._kept.is_sent or self._is_refused or self._is_broken)

    def _note_end(self, sending: asyncio.Task[None]) -> None:
        """Such as where the disk gives back no line: the task's end does not wait for those."""
        error = None if sending.cancelled() else sending.exception()
        if error is not None:
            self._is_broken = True
            self._task_log.fault(f"Nothing more is told of it: {error!r}")
            self._changes.tell()

    def stop(self) -> None:
        """Send no more."""
        if self._sending is not None:
            self._sending.cancel()

    async def close(self) -> None:
        """Send no more, and keep no more."""
        self.stop()
        if self._sending is not None:
            await asyncio.wait({self._sending})
        self._kept.close()

    def moved_to(self, attempt: int) -> None:
        """The task was claimed anew: what is unsent belongs to that attempt."""
        self._kept.move_to(attempt)
        self._told = dict(_CLAIMED)
        self._is_refused = False
        self._changes.tell()

    def _say(self, **status: object) -> None:
        self._status.update(status)
        self._changes.tell()

    @property
    def _news(self) -> dict[str, object]:
        """What has changed since Athena was told; nothing else is worth an event."""
        if self._is_ending:
            return {}
        return {k: v for k, v in self._status.items() if self._told.get(k) != v}

    @property
    def _has_news(self) -> bool:
        return not self._is_refused and (bool(self._news) or not self._kept.is_sent)

    async def _send_for_ever(self) -> None:
        while True:
            await self._changes.until(lambda: self._has_news)
            try:
                await self._send_news()
                await self._send_lines()
            except (Conflict, NotFound):
                # No hold on the task (any more): what that means is the heartbeat's to find out.
                self._is_refused = True
                self._on_conflict()
            self._changes.tell()
            if not self._is_ending:
                await asyncio.sleep(SPACING_SECONDS)

    async def _send_news(self) -> None:
        time = asyncio.get_running_loop().time()
        news = self._news
        if not news or (time < self._progress_after and news.keys() <= {"message", "percent"}):
            return
        self._progress_after = time + PROGRESS_SPACING_SECONDS
        self._told.update(news)
        with self._forgiving("progress"):
            await self._line.insist(lambda: self._tell(news))

    async def _tell(self, news: dict[str, object]) -> None:
        await self._athena.progress(
            self._record.task_id,
            percent=_int(news.get("percent")),
            message=_text(news.get("message")),
            phase=_text(news.get("phase")),
            session_id=_text(news.get("session_id")),
            attempt=self._record.attempt,
        )

    async def _send_lines(self) -> None:
        while (batch := self._kept.batch()) is not None:
            with self._forgiving("lines of the transcript"):
                await self._line.insist(partial(self._append, batch))
            self._kept.sent(batch)

    async def _append(self, batch: Batch) -> None:
        await self._athena.append_log(
            self._record.task_id, batch.lines, first=batch.first, attempt=batch.attempt
        )

    @contextlib.contextmanager
    def _forgiving(self, what: str) -> Iterator[None]:
        """Go on without what Athena will never take: the task is worth more than its transcript."""
        try:
            yield
        except (Conflict, NotFound):
            raise
        except Refused as error:
            self._task_log.fault(f"Athena takes no {what}: {error}")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
