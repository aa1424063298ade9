"""What people do to documents that wait: they rewrite them, rename them, and take them away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from claude_task_client.errors import Conflict, Invalid, NotFound
from claude_task_client.sources import contents, documents, ending, storing, submitting
from claude_task_client.sources.contents import Content, Missing
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.documents import DocumentError
from claude_task_client.sources.layout import COMPLETED, FAILED
from claude_task_client.sources.pace import Pace
from claude_task_client.sources.records import OPENED, Record
from claude_task_client.sources.scanning import Entry, Snapshot
from claude_task_client.sources.settling import Settling

CHANGED_LATE = "It was changed after its task had begun."
TAKEN_BEFORE = "The document was taken out of pending/, so its task was cancelled."
TAKEN_LATE = "The document was taken out of pending/ while its task ran, which went on."


class Altering:
    """Documents of one source that have their tasks, or nearly."""

    def __init__(self, desk: Desk, settling: Settling, pace: Pace) -> None:
        self._desk = desk
        self._settling = settling
        self._pace = pace

    # --- rewritten

    async def see_changes(self, record: Record, entry: Entry) -> None:
        """Have Athena know the text that stands there now."""
        has_ended = record.task_id not in self._desk.by_task  # a moment ago
        is_known = record.file == entry.signature and not record.is_absent
        if has_ended or is_known or not entry.is_file:
            return
        if not self._pace.is_complete(entry):
            return
        try:
            content = await contents.read(self._desk, entry.name)
        except FileNotFoundError:
            return
        except (PermissionError, DocumentError) as error:
            self._pace.say_once(f"{entry.name} was changed, and cannot be read any more: {error}")
            return
        if record.is_absent and content.digest != record.digest:
            # Not a change: the one whose task runs was taken away before. It has its turn then.
            self._pace.say_once(f"{entry.name} waits for the end of task #{record.task_id}.")
            return
        record = replace(record, file=content.file, is_absent=False)
        if content.digest not in {record.digest, record.refused_digest}:
            record = await self._tell_change(record, content)
        await self._settling.opened(record)

    async def _tell_change(self, record: Record, content: Content) -> Record:
        desk = self._desk
        try:
            task = await desk.athena.get(record.task_id or 0)
            document = await desk.disk(documents.parse, content.text)
            before = await contents.tasks_before(desk, document, record.stem)
            if document.description == task.description and not record.digest:
                return replace(record, digest=content.digest, title=document.title)
            if task.status != "pending":
                return self._refused(record, content, CHANGED_LATE)
            record = replace(record, title=document.title)
            fields = desk.known.changeable(document, record, before)
            task = await desk.athena.change(task.id, **fields)
        except (NotFound, Conflict):
            return record  # it has ended or is gone: the review sees to that
        except (DocumentError, Missing, Invalid) as error:
            return self._refused(record, content, f"A change of it was not taken: {error}")
        if task.status != "pending":
            return self._refused(record, content, CHANGED_LATE)
        desk.say(f"{record.stem}: task #{task.id} has its new text.")
        return replace(record, digest=content.digest, refused_digest="")

    def _refused(self, record: Record, content: Content, note: str) -> Record:
        self._desk.say(f"{record.stem}: {note}")
        return replace(record, refused_digest=content.digest).noting(note)

    # --- renamed

    async def former(self, orphans: Mapping[str, Record], content: Content) -> Record | None:
        """The record of this very document under its former name, if it had one."""
        for record in orphans.values():
            is_like = content.digest in {record.digest, record.refused_digest}
            if content.file == record.file or (is_like and await self._is_unfinished(record)):
                return record
        return None

    async def _is_unfinished(self, record: Record) -> bool:
        """Whether a document with the same text may be this one.

        It is another where this one has had its end, which another watcher may be writing now.
        """
        desk = self._desk
        for folder in (COMPLETED, FAILED):
            path = desk.layout.document(folder, record.stem)
            if await desk.disk(storing.exists, path):
                return False
        try:
            task = await desk.athena.get(record.task_id or 0)
        except NotFound:
            return record.task_id is None
        return not task.has_ended

    async def rename(self, former: Record, stem: str, content: Content) -> None:
        """The same document under another name is no other task."""
        desk = self._desk
        record = replace(former, file=content.file)
        record = record.noting(f"It was called {former.stem} before.")
        # The new one first: of two records with one key, the one without a document goes.
        record = await desk.disk(ending.take_name, desk.layout, desk.records, record, stem)
        await desk.disk(ending.leave_name, desk.layout, desk.records, former.stem)
        desk.say(f"{former.stem} is called {stem} now.")
        if record.task_id is None:
            self._pace.again_in(0.0)
            return
        await self._settling.opened(record)
        try:
            metadata = desk.known.metadata(record, record.title)
            await desk.athena.change(record.task_id, metadata=metadata)
        except (Invalid, NotFound, Conflict):
            return  # it has ended meanwhile

    # --- taken away

    async def see_gone(self, orphans: Mapping[str, Record], known: Mapping[str, Record]) -> None:
        """Whoever takes a document away means "don't"; but it must be gone for a while."""
        self._pace.begin_again("gone", keep=orphans)
        keys = {record.key for stem, record in known.items() if stem not in orphans}
        for stem, record in orphans.items():
            if record.key in keys:
                await self._desk.disk(
                    ending.leave_name, self._desk.layout, self._desk.records, stem
                )
            elif self._pace.has_waited("gone", stem, self._desk.timing.gone):
                await self._take_back(record)

    async def _take_back(self, record: Record) -> None:
        desk = self._desk
        found = record if record.task_id is not None else await self._found(record)
        if found is None or found.task_id is None:
            return
        try:
            task = await desk.athena.get(found.task_id)
        except NotFound:
            await self._settling.settle(found)
            return
        if task.status == "in_progress":
            if TAKEN_LATE not in found.notes:
                desk.say(f"{found.stem} was taken away; task #{task.id} runs, and goes on.")
                found = replace(found.noting(TAKEN_LATE), is_absent=True)
                await self._settling.opened(found)
            return
        if task.status == "pending" and desk.known.is_for(task, found):
            desk.say(f"{found.stem} was taken away: task #{task.id} is cancelled.")
            found = found.noting(TAKEN_BEFORE)
            await self._settling.opened(found)
            await desk.athena.cancel(task.id)
        await self._settling.settle(found)

    async def _found(self, record: Record) -> Record | None:
        """The record with its task, where the submission had come through."""
        desk = self._desk
        task = await submitting.search(desk.athena, desk.known.name, record)
        if task is None:
            await desk.disk(desk.records.drop, record.stem)
            desk.say(f"{record.stem} was taken away before it was submitted.")
            return None
        record = replace(record, task_id=task.id, status=OPENED, body=None)
        await self._settling.opened(record)
        return record

    async def bring_back(self, snapshot: Snapshot) -> None:
        """Go on with what a kill has interrupted: documents of retried tasks on their way back."""
        desk = self._desk
        for record in snapshot.records.values():
            if record.returns:
                await desk.disk(ending.bring_back, desk.layout, desk.records, record)
                self._pace.again_in(0.0)
