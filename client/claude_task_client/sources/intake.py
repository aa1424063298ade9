"""How documents become tasks: in the order of their names, each once, and what people do to them.

A document may be rewritten, renamed or taken away while it waits. Nothing here tells what became of
its task: see `settling`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Final, NamedTuple

from claude_task_client import clock
from claude_task_client.errors import Invalid, NotFound, NothingToDo
from claude_task_client.sources import documents, ending, records, storing, submitting
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.documents import Document, DocumentError, Stem
from claude_task_client.sources.layout import PENDING
from claude_task_client.sources.records import OPENED, REJECTED, Record
from claude_task_client.sources.scanning import Entry, Signature, Snapshot, Stillness
from claude_task_client.sources.settling import Settling
from claude_task_client.wire import Task, time_text

REUSED: Final = "idempotency_key_reused"
TOLD_ONCE_MAX: Final = 10_000


class Next(Enum):
    """Whether those of later names may be taken as well."""

    GO_ON = "go on"
    HOLD = "hold"


class Content(NamedTuple):
    """A document's text as it was read."""

    text: str
    digest: str
    file: Signature


class Missing(Exception):
    """The document waits for one that is not there (yet)."""


class Intake:
    """The way in, of one source."""

    def __init__(self, desk: Desk, settling: Settling, *, trusts_times: bool) -> None:
        self._desk = desk
        self._settling = settling
        self._clock = asyncio.get_running_loop().time
        self._still = Stillness(self._clock, trusts_times=trusts_times)
        self._since: dict[tuple[str, str], float] = {}
        self._told: set[str] = set()
        self._soon: float | None = None
        self.pending: tuple[int, int] | None = None

    async def look(self) -> float | None:
        """Go once through `pending/`; after how many seconds there will be more to see, if known.

        Raises: SourceAway, OSError; Refused, Unreachable.
        """
        self._soon = None
        snapshot = await self._desk.scan()
        self.pending = snapshot.pending
        self._still.look(snapshot.entries)
        orphans = _orphans(snapshot)
        await self._bring_back(snapshot)
        for entry in snapshot.entries:
            await self._settling.handle_news()
            if entry.name in snapshot.fresh:
                self._in(0.0)
                break
            if await self._take(entry, snapshot.records, orphans) is Next.HOLD:
                break
        await self._gone(orphans, snapshot.records)
        self._forget(snapshot)
        return self._soon

    def _in(self, seconds: float) -> None:
        self._soon = seconds if self._soon is None else min(self._soon, seconds)

    def _waited(self, what: str, name: str, seconds: float) -> bool:
        """Whether this has been so for that long already; looks again when it will be."""
        since = self._since.setdefault((what, name), self._clock())
        left = since + seconds - self._clock()
        if left > 0:
            self._in(left)
        return left <= 0

    def _forget(self, snapshot: Snapshot) -> None:
        known = {entry.name for entry in snapshot.entries} | set(snapshot.records)
        self._since = {key: since for key, since in self._since.items() if key[1] in known}

    def _say_once(self, text: str) -> None:
        if text not in self._told and len(self._told) < TOLD_ONCE_MAX:
            self._told.add(text)
            self._desk.say(text)

    # --- one document

    async def _take(
        self, entry: Entry, known: Mapping[str, Record], orphans: dict[str, Record]
    ) -> Next:
        stem = documents.normal(entry.stem)
        record = known.get(stem)
        if record is not None:
            return await self._take_known(record, entry)
        try:
            name = Stem.read(entry.stem).text
        except DocumentError as error:
            if left := self._still.seconds_left(entry, seconds=self._desk.timing.still):
                self._in(left)
            else:
                await self._reject(entry.name, str(error))
            return Next.GO_ON
        if left := self._still.seconds_left(entry, seconds=self._desk.timing.still):
            self._in(left)
            return Next.HOLD if self._still.holds_up(entry) else Next.GO_ON
        return await self._take_complete(entry, name, orphans)

    async def _take_complete(self, entry: Entry, stem: str, orphans: dict[str, Record]) -> Next:
        try:
            return await self._take_new(entry, stem, orphans)
        except FileNotFoundError:
            pass  # it was taken away in this moment
        except PermissionError as error:
            self._say_once(f"{entry.name} cannot be read: {error.strerror}.")
        except Missing as missing:
            await self._wait_for(entry, str(missing))
        except DocumentError as error:
            left = self._still.seconds_until_still(entry, self._desk.timing.wrong)
            if entry.is_file and left:
                self._in(left)  # somebody may be at it
                return Next.HOLD if self._still.holds_up(entry) else Next.GO_ON
            await self._reject(entry.name, str(error))
        return Next.GO_ON

    async def _take_known(self, record: Record, entry: Entry) -> Next:
        if record.task_id is not None:
            await self._see_changes(record, entry)
            return Next.GO_ON
        # Another watcher may have had the answer since the folder was looked at.
        now = await self._desk.disk(self._desk.records.open, record.stem)
        return Next.GO_ON if now is None else await self._submit(now, entry.name)

    async def _take_new(self, entry: Entry, stem: str, orphans: dict[str, Record]) -> Next:
        desk = self._desk
        content = await self._read(entry)
        former = _former(orphans, content)
        if former is not None:
            del orphans[former.stem]
            await self._rename(former, stem, content)
            return Next.GO_ON
        document = documents.parse(content.text)
        depends_on = [await self._number_of(each, stem) for each in document.after]
        ended = await desk.disk(desk.records.ended, stem)
        generation = await desk.disk(records.next_generation, desk.layout, stem, ended)
        record = self._new_record(stem, generation, document, content)
        record = replace(record, body=desk.known.body(document, record, depends_on))
        if f"{stem}.md" != entry.name:  # the same name, spelt in another way
            await desk.disk(_rename, desk.layout.pending / entry.name, f"{stem}.md")
        found = await desk.disk(desk.records.create, record)
        # Another watcher may have brought it to its end since it was read: then it is moved by now.
        if not await desk.disk(storing.exists, desk.layout.document(PENDING, stem)):
            if found == record:
                await desk.disk(desk.records.drop, stem)
            return Next.GO_ON
        return await self._submit(found, f"{stem}.md")

    def _new_record(
        self, stem: str, generation: int, document: Document, content: Content
    ) -> Record:
        desk = self._desk
        return Record(
            stem=stem,
            generation=generation,
            key=records.key_of(desk.known.mark.uuid, stem, generation),
            title=document.title,
            by=desk.athena.instance,
            submitted_at=time_text(clock.now()),
            digest=content.digest,
            file=content.file,
        )

    async def _read(self, entry: Entry) -> Content:
        """Raises: DocumentError, where it is nothing that can be read as a text."""
        path = self._desk.layout.pending / entry.name
        try:
            content, status = await self._desk.disk(
                storing.read, path, bytes_max=documents.DOCUMENT_BYTES_MAX
            )
        except storing.NotAFile:
            raise DocumentError("this is a link, a directory or a device, no plain file") from None
        except storing.TooLarge:
            kib = documents.DOCUMENT_BYTES_MAX // 1024
            raise DocumentError(f"the file is larger than {kib} KiB") from None
        text = documents.decode(content)
        file = (status.st_ino, status.st_size, status.st_mtime_ns)
        return Content(text, records.digest_of(text), file)

    async def _number_of(self, after: str | int, stem: str) -> int:
        """The task that the document is to wait for. Raises: DocumentError, Missing."""
        if isinstance(after, int):
            return after
        for source in self._desk.sources:
            try:
                record = await self._desk.disk(records.look_up, source, after)
            except NothingToDo as error:
                raise DocumentError(f"after: {error}") from error
            except OSError:
                continue  # that source is away
            if record is not None and record.stem == stem:
                raise DocumentError("after: the document names itself")
            if record is not None and record.task_id is not None:
                return record.task_id
        raise Missing(after)

    async def _wait_for(self, entry: Entry, after: str) -> None:
        if self._waited("after", entry.name, self._desk.timing.after):
            reason = f"after: there is no document {after!r} in any source that is watched here"
            await self._reject(entry.name, reason)
        else:
            self._in(1.0)
            self._say_once(f"{entry.name} waits for {after}, which is not there yet.")

    async def _reject(self, name: str, reason: str, record: Record | None = None) -> None:
        """Aside with it, and say why: never dropped."""
        desk = self._desk
        if record is None:
            stem = documents.normal(name.removesuffix(documents.SUFFIX))
            try:
                stem = Stem.read(stem).text
            except DocumentError:
                stem = ending.safe_stem(stem)
            ended = await desk.disk(desk.records.ended, stem)
            generation = await desk.disk(records.next_generation, desk.layout, stem, ended)
            record = Record(stem=stem, generation=generation, key="")
        await desk.disk(ending.clear_the_way, desk.layout, record.stem, below=record.generation)
        record = replace(record, status=REJECTED, body=None)
        await self._settling.finish(record, error=reason, name=name)

    # --- submitting

    async def _submit(self, record: Record, name: str) -> Next:
        """Make the document a task; one that was submitted without an answer is found again."""
        desk = self._desk
        mine = record if record.task_id is not None else await self._made_mine(record)
        if mine is None:
            self._in(1.0)
            return Next.HOLD
        if mine.task_id is not None:
            await self._settling.opened(mine)
            return Next.GO_ON
        await desk.disk(ending.clear_the_way, desk.layout, mine.stem, below=mine.generation)
        try:
            task = await desk.athena.submit(**mine.body or {}, idempotency_key=mine.key)
        except Invalid as error:
            if error.code == REUSED:
                await self._submit_under_another_name(mine)
                return Next.GO_ON
            await self._reject(name, str(error), mine)
            return Next.GO_ON
        await self._opened(mine, task)
        return Next.GO_ON

    async def _opened(self, record: Record, task: Task) -> None:
        self._desk.say(f"{record.stem} is task #{task.id}.")
        await self._settling.opened(replace(record, task_id=task.id, status=OPENED, body=None))

    async def _made_mine(self, record: Record) -> Record | None:
        """The submission, if it is this watcher's to make; None: another's, for now."""
        desk, now = self._desk, clock.now()
        is_mine = record.by == desk.athena.instance
        if not is_mine and not self._waited("by", record.stem, desk.timing.takeover):
            return None
        if record.body is None:  # damaged: it is made anew, under the same name
            await desk.disk(desk.records.drop, record.stem)
            return None
        if is_mine and submitting.is_fresh(record, now):
            return record
        # Another's request has another key, and names are forgotten after a day.
        task = await submitting.search(desk.athena, desk.known.name, record)
        if task is not None:
            return replace(record, task_id=task.id, status=OPENED, body=None)
        record = replace(record, by=desk.athena.instance, submitted_at=time_text(now))
        await desk.disk(desk.records.save, record)
        return record

    async def _submit_under_another_name(self, record: Record) -> None:
        """The name stands for another text: records were lost, and the document was changed."""
        desk = self._desk
        task = await submitting.search(desk.athena, desk.known.name, record)
        if task is not None:
            # What differs is seen with the next look.
            found = replace(record, digest="", file=None)
            await self._opened(found, task)
            return
        generation = record.generation + 1
        key = records.key_of(desk.known.mark.uuid, record.stem, generation)
        record = replace(record, generation=generation, key=key)
        body = dict(record.body or {})
        body["metadata"] = desk.known.metadata(record, record.title)
        await desk.disk(desk.records.save, replace(record, body=body))
        self._in(0.0)

    # --- what people do to documents that wait

    async def _see_changes(self, record: Record, entry: Entry) -> None:
        if record.file == entry.signature or not entry.is_file:
            return
        if left := self._still.seconds_left(entry, seconds=self._desk.timing.still):
            self._in(left)
            return
        try:
            content = await self._read(entry)
        except FileNotFoundError:
            return
        except (PermissionError, DocumentError) as error:
            self._say_once(f"{entry.name} was changed, and is not read any more: {error}")
            return
        record = replace(record, file=content.file)
        if content.digest not in {record.digest, record.refused_digest}:
            record = await self._tell_change(record, content)
        if record.is_open:
            await self._settling.opened(record)

    async def _tell_change(self, record: Record, content: Content) -> Record:
        """Have Athena know the new text, where nobody has begun with the old one."""
        desk = self._desk
        try:
            task = await desk.athena.get(record.task_id or 0)
            document = documents.parse(content.text)
            depends_on = [await self._number_of(each, record.stem) for each in document.after]
        except (DocumentError, Missing) as error:
            return self._refused(record, content, f"A change of it was not taken: {error}")
        except NotFound:
            return record  # the review will see to that
        if document.description == task.description and not record.digest:
            return replace(record, digest=content.digest, title=document.title)
        if task.status != "pending":
            return self._refused(record, content, "It was changed after its task had begun.")
        record = replace(record, title=document.title)
        fields = desk.known.changeable(document, record, depends_on)
        try:
            task = await desk.athena.change(task.id, **fields)
        except Invalid as error:
            return self._refused(record, content, f"A change of it was not taken: {error}")
        desk.say(f"{record.stem}: task #{task.id} has its new text.")
        return replace(record, digest=content.digest, refused_digest="")

    def _refused(self, record: Record, content: Content, note: str) -> Record:
        self._desk.say(f"{record.stem}: {note}")
        return replace(record, refused_digest=content.digest).noting(note)

    async def _rename(self, former: Record, stem: str, content: Content) -> None:
        desk = self._desk
        record = replace(former, stem=stem, file=content.file)
        record = record.noting(f"It was called {former.stem} before.")
        # The new one first: of two records with one key, the one without a document goes.
        await desk.disk(desk.records.save, record)
        await desk.disk(ending.forget_name, desk.layout, desk.records, former.stem)
        desk.say(f"{former.stem} is called {stem} now.")
        if record.task_id is not None:
            await self._settling.opened(record)
            metadata = desk.known.metadata(record, record.title)
            try:
                await desk.athena.change(record.task_id, metadata=metadata)
            except (Invalid, NotFound):
                return
        else:
            self._in(0.0)

    async def _bring_back(self, snapshot: Snapshot) -> None:
        desk = self._desk
        for record in snapshot.records.values():
            if record.returns:
                await desk.disk(ending.bring_back, desk.layout, desk.records, record)
                self._in(0.0)

    async def _gone(self, orphans: Mapping[str, Record], known: Mapping[str, Record]) -> None:
        """Those whose document is not there: a person who takes it away means "don't"."""
        keys = {record.key for stem, record in known.items() if stem not in orphans}
        for stem, record in orphans.items():
            if record.key in keys:
                await self._desk.disk(
                    ending.forget_name, self._desk.layout, self._desk.records, stem
                )
            elif self._waited("gone", stem, self._desk.timing.gone):
                await self._take_back(record)

    async def _take_back(self, record: Record) -> None:
        desk = self._desk
        if record.task_id is None:
            task = await submitting.search(desk.athena, desk.known.name, record)
            if task is None:
                await desk.disk(desk.records.drop, record.stem)
                desk.say(f"{record.stem} was taken away before it was submitted.")
                return
            record = replace(record, task_id=task.id, status=OPENED, body=None)
            await self._settling.opened(record)
        try:
            task = await desk.athena.get(record.task_id or 0)
        except NotFound:
            await self._settling.settle(record)
            return
        if task.status == "pending" and submitting.is_of(task, record):
            desk.say(f"{record.stem} was taken away: task #{task.id} is cancelled.")
            note = "The document was taken out of pending/, so its task was cancelled."
            record = record.noting(note)
            await self._settling.opened(record)
            await desk.athena.cancel(task.id)
        elif task.status == "in_progress":
            note = "The document was taken out of pending/ while its task ran, which went on."
            if note not in record.notes:
                desk.say(f"{record.stem} was taken away; task #{task.id} runs and goes on.")
                await self._settling.opened(record.noting(note))
            return
        await self._settling.settle(record)


def _orphans(snapshot: Snapshot) -> dict[str, Record]:
    """The open records without a document."""
    there = {documents.normal(entry.stem) for entry in snapshot.entries}
    return {
        stem: record
        for stem, record in snapshot.records.items()
        if stem not in there and not record.returns
    }


def _former(orphans: Mapping[str, Record], content: Content) -> Record | None:
    """The record of this very document under its former name."""
    for record in orphans.values():
        if content.file == record.file or content.digest in {record.digest, record.refused_digest}:
            return record
    return None


def _rename(path: os.PathLike[str], name: str) -> None:
    from pathlib import Path

    goal = Path(path).with_name(name)
    if not storing.exists(goal):
        Path(path).rename(goal)
