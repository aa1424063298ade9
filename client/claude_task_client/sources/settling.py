"""What becomes of the tasks of a source, and with them of its documents.

Athena's events say it at once. A review of what is open says it again, for all that was missed.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from claude_task_client import settings
from claude_task_client.errors import NotFound
from claude_task_client.sources import ending, locks, outcomes, storing, submitting
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.documents import DocumentError, Stem
from claude_task_client.sources.ending import End
from claude_task_client.sources.layout import COMPLETED, FAILED, PENDING, Layout
from claude_task_client.sources.locks import Lock
from claude_task_client.sources.records import DELETED, OPENED, RENAMED, SUBMITTING, Record
from claude_task_client.sources.storing import Busy
from claude_task_client.wire import ENDED, Event, Task, time_text

WAITING: Final = frozenset({"task.released", "task.parked", "task.expired", "task.will_retry"})
ENDING: Final = frozenset({"task.completed", "task.failed", "task.cancelled", "task.deleted"})
NEWS: Final = ("task.claimed", "task.retried", *sorted(WAITING), *sorted(ENDING))
# An event may be faster than the answer to the submission that it is about.
HEARD_MAX: Final = 1_000
HISTORY_PAGES_MAX: Final = 100
LOST: Final = "lost"
KEEP_ASIDE_SECONDS: Final = 3600.0


class Settling:
    """The tasks of one source."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._heard: OrderedDict[int, Event] = OrderedDict()
        self._news: dict[int, Event] = {}
        self._unlocked: set[tuple[int, int]] = set()
        self._busy_since: float | None = None
        self.is_review_due = True
        self.on_lost_store: Callable[[], None] = lambda: None

    # --- events

    def hear(self, event: Event) -> bool:
        """Take note of an event; whether it is about this source."""
        task_id = event.task_id
        if event.type == "reset" or (
            event.type == "task.retried" and task_id not in self._desk.by_task
        ):
            self.is_review_due = True
            return True
        if task_id is None:
            return False
        if task_id in self._desk.by_task:
            self._news[task_id] = event
            return True
        self._heard[task_id] = event
        self._heard.move_to_end(task_id)
        while len(self._heard) > HEARD_MAX:
            self._heard.popitem(last=False)
        return False

    async def opened(self, record: Record) -> None:
        """The document has its task from now on."""
        if record.task_id is None:
            raise ValueError(f"{record.stem} has no task")
        await self._desk.disk(self._desk.records.save, record)
        self._desk.by_task[record.task_id] = record
        early = self._heard.pop(record.task_id, None)
        if early is not None:
            self._news[record.task_id] = early

    async def handle_news(self) -> None:
        """Act on the events that came."""
        while self._news:
            task_id = next(iter(self._news))
            record = self._desk.by_task.get(task_id)
            event = self._news[task_id]
            if record is not None:
                await self._handle(record, event)
            if self._news.get(task_id) is event:
                del self._news[task_id]

    async def _handle(self, record: Record, event: Event) -> None:
        if event.type in ENDING:
            await self.settle(record)
        elif event.type == "task.claimed":
            attempt = event.data.get("attempt")
            started = event.at
            await self._lock(
                record,
                worker=str(event.data.get("instance")),
                attempt=attempt if isinstance(attempt, int) else 0,
                started_at=None if started is None else time_text(started),
            )
        elif event.type in WAITING:
            await self._desk.disk(locks.remove, self._desk.layout, record.stem)

    # --- the review

    async def review(self) -> None:
        """Compare what is open here with what is open at Athena."""
        desk = self._desk
        snapshot = await desk.scan()
        open_tasks = {
            task.id: task
            for task in await submitting.tasks_of(
                desk.athena, desk.known.name, status=submitting.OPEN_STATUSES
            )
            if desk.known.is_from_here(task)
        }
        for record in snapshot.records.values():
            if record.task_id is not None:
                task = open_tasks.pop(record.task_id, None)
                if task is not None and submitting.is_of(task, record):
                    await self.apply(record, task)
                else:
                    await self.settle(record)
        for task in open_tasks.values():
            await self._take_in(task)
        await self._clear()
        self.is_review_due = False

    async def _take_in(self, listed: Task) -> None:
        """A task of this folder of which no open record tells."""
        desk = self._desk
        try:
            stem = Stem.read(str(listed.metadata.get("document"))).text
            task = await desk.athena.get(listed.id)  # the list may be older than a record's end
        except (DocumentError, NotFound):
            return
        if task.has_ended:
            return
        for record in (await desk.disk(desk.records.all_open)).values():
            if submitting.is_of(task, record):
                if record.status == SUBMITTING:
                    await self.opened(replace(record, task_id=task.id, status=OPENED, body=None))
                return
            if record.stem == stem:
                return  # it is at a later time of it already
        ended = await desk.disk(desk.records.ended, stem)
        if ended is not None and ended.task_id == task.id and ended.status != RENAMED:
            await self._reopen(ended, task)
        elif generation_of(task) > (0 if ended is None else ended.generation):
            await self._take_in_anew(record_of(task, stem), task)

    async def _take_in_anew(self, record: Record, task: Task) -> None:
        """Every record of it is lost: its task says what it was, its folder where it stands."""
        desk = self._desk
        if await desk.disk(_has_ended_once, desk.layout, record.stem):
            await self._reopen(record, task)
            return
        desk.say(f"{record.stem} is task #{task.id}, as Athena knows.")
        path = desk.layout.document(PENDING, record.stem)
        record = replace(record, is_absent=not await desk.disk(storing.exists, path))
        await self.opened(record)
        await self.apply(record, task)

    async def _reopen(self, ended: Record, task: Task) -> None:
        desk = self._desk
        record = await desk.disk(ending.reopen, desk.layout, desk.records, ended)
        desk.say(f"{record.stem} is back in pending/: task #{task.id} was retried.")
        await self.opened(record)
        await self.apply(record, task)

    async def _clear(self) -> None:
        """Remove what kills and other hands have left."""
        desk = self._desk
        running = {record.stem for record in desk.by_task.values()}
        for stem in await desk.disk(lambda: list(locks.stems(desk.layout))):
            if stem not in running:
                await desk.disk(locks.remove, desk.layout, stem)
        await desk.disk(storing.clear_aside, desk.layout, keep_seconds=KEEP_ASIDE_SECONDS)

    # --- one task

    async def settle(self, record: Record) -> None:
        """See how the task is, and have the document follow it."""
        if record.task_id is None:
            return
        try:
            task = await self._desk.athena.get(record.task_id)
        except NotFound:
            await self._vanished(record)
            return
        if self._desk.known.is_for(task, record):
            await self.apply(record, task)
        else:
            await self._lost(record)

    async def apply(self, record: Record, task: Task) -> None:
        """Have the document follow its task."""
        if task.has_ended:
            result = None
            if not isinstance(task.raw.get("result"), dict):
                result = await self._desk.athena.result(task.id)
            await self.finish(
                replace(record, status=task.status),
                task=task,
                fields=outcomes.result_fields(task, result),
            )
        elif task.status == "in_progress":
            await self._lock(
                record,
                worker=str(task.claimed_by),
                attempt=task.attempt,
                started_at=task.raw.get("claimed_at"),
            )
        else:
            await self._desk.disk(locks.remove, self._desk.layout, record.stem)

    async def finish(
        self,
        record: Record,
        *,
        task: Task | None = None,
        fields: Mapping[str, Any] | None = None,
        error: str | None = None,
        name: str | None = None,
    ) -> None:
        """The document's end: its result, its report, its place. `record` has the status of it."""
        desk = self._desk
        end = End(
            layout=desk.layout,
            kept=desk.records,
            record=record,
            name=name or f"{record.stem}.md",
            task=task,
            fields=fields or {},
            error=error,
        )
        is_news = await self._finish(end)
        if record.task_id is not None:
            desk.by_task.pop(record.task_id, None)
        if is_news:
            number = "" if record.task_id is None else f" (task #{record.task_id})"
            why = f": {error}" if error else ""
            desk.say(f"{record.stem}{number}: {record.status}{why}")

    async def _finish(self, end: End) -> bool:
        """Raises: Busy, where another watcher is writing; but not for ever."""
        try:
            is_news = await self._desk.disk(ending.finish, end)
        except Busy:
            now = time.monotonic()
            self._busy_since = self._busy_since or now
            if now - self._busy_since < self._desk.timing.busy:
                raise
            # The lock of a machine that is gone: what is done twice is done without harm.
            is_news = await self._desk.disk(ending.take_steps, end)
        self._busy_since = None
        return is_news

    async def _lock(self, record: Record, *, worker: str, attempt: int, started_at: object) -> None:
        desk = self._desk
        if record.task_id is None:
            return
        found = await desk.disk(locks.read, desk.layout, record.stem)
        is_ours = worker == desk.athena.instance
        pid = desk.pid if is_ours else None
        if found is not None and found.is_stale and pid is None:
            desk.say(f"The lock of {record.stem} was removed: its process {found.pid} is gone.")
            self._unlocked.add((record.task_id, attempt))
            await desk.disk(locks.remove, desk.layout, record.stem)
        if (record.task_id, attempt) in self._unlocked:
            return
        is_known = found is not None and (found.task_id, found.worker) == (record.task_id, worker)
        if is_known and pid is None:
            return  # whoever wrote it knows more
        lock = Lock(
            task_id=record.task_id,
            worker=worker,
            host=settings.host_name() if is_ours else None,
            pid=pid,
            started_at=started_at if isinstance(started_at, str) else None,
        )
        await desk.disk(locks.write, desk.layout, record.stem, lock)

    # --- tasks that are gone

    async def _vanished(self, record: Record) -> None:
        """There is no such task: somebody has removed it, or the store was lost with it."""
        history = await self._history(record.task_id or 0)
        deleted = next((event for event in reversed(history) if event.type == "task.deleted"), None)
        submitted = next((event for event in history if event.type == "task.submitted"), None)
        is_ours = submitted is None or submitted.data.get("created_by") == self._desk.known.name
        if deleted is None or not is_ours:
            await self._lost(record)
            return
        ends = [event.type.removeprefix("task.") for event in history]
        status = next((word for word in reversed(ends) if word in ENDED), DELETED)
        error = "The task was deleted at Athena" + (
            "." if status == DELETED else ", and its result with it, before it was seen here."
        )
        await self.finish(replace(record, status=status), error=error)

    async def _history(self, task_id: int) -> Sequence[Event]:
        found: list[Event] = []
        cursor: str | None = None
        with contextlib.suppress(NotFound):
            for _ in range(HISTORY_PAGES_MAX):
                page = await self._desk.athena.history(task_id, cursor=cursor)
                found += page.events
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found

    async def _lost(self, record: Record) -> None:
        """Athena knows nothing of it: what stands in `pending/` will be submitted anew."""
        desk = self._desk
        desk.say(f"Athena has lost task #{record.task_id} of {record.stem}.")
        await desk.disk(locks.remove, desk.layout, record.stem)
        await desk.disk(desk.records.end, replace(record, status=LOST))
        if record.task_id is not None:
            desk.by_task.pop(record.task_id, None)
        self.on_lost_store()


def record_of(task: Task, stem: str) -> Record:
    """The record of a document, from what its task tells of it."""
    return Record(
        stem=stem,
        generation=generation_of(task),
        key=str(task.metadata.get("submission")),
        title=str(task.metadata.get("title") or ""),
        task_id=task.id,
        status=OPENED,
    )


def generation_of(task: Task) -> int:
    """Which time of its document the task is."""
    told = task.metadata.get("generation")
    return told if isinstance(told, int) and not isinstance(told, bool) else 1


def _has_ended_once(here: Layout, stem: str) -> bool:
    """Whether the document stands where it went at an end, and not in `pending/`."""
    places = [
        folder
        for folder in (PENDING, COMPLETED, FAILED)
        if storing.exists(here.document(folder, stem))
    ]
    return bool(places) and places[0] != PENDING
