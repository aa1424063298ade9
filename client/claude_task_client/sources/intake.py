"""How documents become tasks: in the order of their names, and each once.

What people do to them later is the matter of `altering`, what becomes of their tasks of `settling`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Final

from claude_task_client import clock
from claude_task_client.errors import Invalid
from claude_task_client.sources import contents, documents, ending, records, storing, submitting
from claude_task_client.sources.altering import Altering
from claude_task_client.sources.contents import Content, Missing
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.documents import Document, DocumentError, Stem
from claude_task_client.sources.layout import PENDING
from claude_task_client.sources.pace import Pace
from claude_task_client.sources.records import OPENED, REJECTED, Record
from claude_task_client.sources.scanning import Entry, Snapshot
from claude_task_client.sources.settling import Settling
from claude_task_client.wire import Task, time_text

TWIN: Final = "there is another document whose name differs in the spelling of a letter only"
REUSED: Final = "idempotency_key_reused"
# For what another watcher, or another document, has to do first.
OTHERS_SECONDS: Final = 1.0


class Next(Enum):
    """Whether those of later names may be taken as well."""

    GO_ON = "go on"
    HOLD = "hold"


class Intake:
    """The way in, of one source."""

    def __init__(self, desk: Desk, settling: Settling) -> None:
        self._desk = desk
        self._settling = settling
        self._pace = Pace(desk, time.monotonic)
        self._altering = Altering(desk, settling, self._pace)
        self.pending: tuple[int, int] | None = None

    async def look(self) -> float | None:
        """Go once through `pending/`; after how many seconds there will be more to see, if known.

        Raises: SourceAway, OSError; Refused, Unreachable.
        """
        self._pace.soon = None
        snapshot = await self._scan()
        self.pending = snapshot.pending
        self._pace.still.look(snapshot.entries)
        orphans = _orphans(snapshot)
        names = {entry.name for entry in snapshot.entries}
        await self._altering.bring_back(snapshot)
        if await self._go_through(snapshot, orphans, names):
            await self._altering.see_gone(orphans, snapshot.records)
        self._pace.forget_others(names | set(snapshot.records))
        return self._pace.soon

    async def _scan(self) -> Snapshot:
        known = {record.stem for record in self._desk.by_task.values()}
        snapshot = await self._desk.scan()
        there = {documents.normal(entry.stem) for entry in snapshot.entries}
        if (known & there) - set(snapshot.records):
            # Records were lost or damaged: Athena may have forgotten the names of the submissions,
            # but knows the tasks. Or somebody has put back what ended a moment ago.
            await self._settling.review()
            return await self._desk.scan()
        return snapshot

    def lose_sight(self) -> None:
        """The folder could not be seen for a while: what is missing then may be missing since."""
        self._pace.begin_again("gone")

    async def _go_through(
        self, snapshot: Snapshot, orphans: dict[str, Record], names: Collection[str]
    ) -> bool:
        """Whether all were looked into: a document that seems gone may have a name behind those."""
        for entry in snapshot.entries:
            await self._settling.handle_news()
            if entry.name in snapshot.fresh:
                self._pace.again_in(0.0)
                return False
            if _is_twin(entry, names):
                stem = ending.safe_stem(entry.stem)
                await self._reject(entry.name, TWIN, stem=stem)
            elif await self._take(entry, snapshot.records, orphans) is Next.HOLD:
                return False
        return True

    # --- one document

    async def _take(
        self, entry: Entry, known: Mapping[str, Record], orphans: dict[str, Record]
    ) -> Next:
        record = known.get(documents.normal(entry.stem))
        if record is not None:
            return await self._take_known(record, entry)
        is_complete = self._pace.is_complete(entry)
        try:
            stem = Stem.read(entry.stem).text
        except DocumentError as error:
            if is_complete:
                await self._reject(entry.name, str(error))
            return Next.GO_ON
        if not is_complete:
            return self._go_on_after(entry)
        return await self._take_complete(entry, stem, orphans)

    async def _take_known(self, record: Record, entry: Entry) -> Next:
        if record.task_id is not None:
            await self._altering.see_changes(record, entry)
            return Next.GO_ON
        # Another watcher may have had the answer since the folder was looked at.
        now = await self._desk.disk(self._desk.records.open, record.stem)
        return Next.GO_ON if now is None else await self._submit(now, entry.name)

    def _go_on_after(self, entry: Entry) -> Next:
        return Next.HOLD if self._pace.still.holds_up(entry) else Next.GO_ON

    async def _take_complete(self, entry: Entry, stem: str, orphans: dict[str, Record]) -> Next:
        try:
            return await self._take_new(entry, stem, orphans)
        except FileNotFoundError:
            pass  # it was taken away in this moment
        except PermissionError as error:
            self._pace.say_once(f"{entry.name} cannot be read: {error.strerror}.")
        except Missing as missing:
            await self._wait_for(entry, str(missing))
        except DocumentError as error:
            if not self._pace.is_left_alone(entry):
                return self._go_on_after(entry)
            await self._reject(entry.name, str(error))
        return Next.GO_ON

    async def _take_new(self, entry: Entry, stem: str, orphans: dict[str, Record]) -> Next:
        desk = self._desk
        content = await contents.read(desk, entry.name)
        former = await self._altering.former(orphans, content)
        if former is not None:
            del orphans[former.stem]
            await self._altering.rename(former, stem, content)
            return Next.GO_ON
        document = await desk.disk(documents.parse, content.text)
        before = await contents.tasks_before(desk, document, stem)
        if f"{stem}.md" != entry.name:  # the same name, spelt in another way
            await desk.disk(_spell, desk.layout.pending / entry.name, f"{stem}.md")
        record = await self._new_record(stem, document, content)
        record = replace(record, body=desk.known.body(document, record, before))
        found = await desk.disk(desk.records.create, record)
        # Another watcher may have brought it to its end since it was read: then it is moved by now.
        if not await desk.disk(storing.exists, desk.layout.document(PENDING, stem)):
            if found == record:
                await desk.disk(desk.records.drop, stem)
            return Next.GO_ON
        return await self._submit(found, f"{stem}.md")

    async def _new_record(self, stem: str, document: Document, content: Content) -> Record:
        desk = self._desk
        ended = await desk.disk(desk.records.ended, stem)
        generation = await desk.disk(records.next_generation, desk.layout, stem, ended)
        return Record(
            stem=stem,
            generation=generation,
            key=records.key_of(desk.known.mark.uuid, stem, generation),
            title=document.title,
            by=desk.by,
            submitted_at=time_text(clock.now()),
            digest=content.digest,
            file=content.file,
        )

    async def _wait_for(self, entry: Entry, after: str) -> None:
        if self._pace.has_waited("after", entry.name, self._desk.timing.after):
            reason = f"after: there is no document {after!r} in any source that is watched here"
            await self._reject(entry.name, reason)
        else:
            self._pace.again_in(OTHERS_SECONDS)
            self._pace.say_once(f"{entry.name} waits for {after}, which is not there yet.")

    async def _reject(
        self, name: str, reason: str, record: Record | None = None, stem: str | None = None
    ) -> None:
        """Aside with it, and say why: never dropped. `record`: of its submission, where one is."""
        desk = self._desk
        if record is None:
            stem = stem or _stem_of_files(name)
            if await desk.disk(desk.records.open, stem) is not None:
                return  # another watcher could take it, a moment ago
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
            self._pace.again_in(OTHERS_SECONDS)
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
        is_mine = record.by == desk.by
        # Anew for each who has it: another may have taken it over in the meantime.
        whose = f"by {record.by} {record.submitted_at}"
        if not is_mine and not self._pace.has_waited(whose, record.stem, desk.timing.takeover):
            return None
        if set(record.body or {}) != submitting.BODY:
            # Damaged, or of another version: it is made anew, under the same name.
            await desk.disk(desk.records.drop, record.stem)
            return None
        if is_mine and submitting.is_fresh(record, now):
            return record
        # Another's request has another key, and names are forgotten after a day.
        task = await submitting.search(desk.athena, desk.known.name, record)
        if task is not None:
            return replace(record, task_id=task.id, status=OPENED, body=None)
        if await desk.disk(desk.records.open, record.stem) != record:
            return None  # another was faster
        record = replace(record, by=desk.by, submitted_at=time_text(now))
        await desk.disk(desk.records.save, record)
        return record

    async def _submit_under_another_name(self, record: Record) -> None:
        """The name stands for another text: records were lost, and the document was changed."""
        desk = self._desk
        task = await submitting.search(desk.athena, desk.known.name, record)
        if task is not None and not task.has_ended:
            # What differs is seen with the next look.
            await self._opened(replace(record, digest="", file=None), task)
            return
        generation = record.generation + 1
        key = records.key_of(desk.known.mark.uuid, record.stem, generation)
        record = replace(record, generation=generation, key=key)
        body = dict(record.body or {})
        body["metadata"] = desk.known.metadata(record, record.title)
        await desk.disk(desk.records.save, replace(record, body=body))
        self._pace.again_in(0.0)


def _orphans(snapshot: Snapshot) -> dict[str, Record]:
    """The open records without a document."""
    there = {documents.normal(entry.stem) for entry in snapshot.entries}
    return {
        stem: record
        for stem, record in snapshot.records.items()
        if stem not in there and not record.returns and not record.is_absent
    }


def _is_twin(entry: Entry, names: Collection[str]) -> bool:
    """Whether the same name stands there in its usual spelling as well."""
    usual = f"{documents.normal(entry.stem)}{documents.SUFFIX}"
    return usual != entry.name and usual in names


def _stem_of_files(name: str) -> str:
    """What result and report of a document are called, whatever it is called itself."""
    stem = documents.normal(name.removesuffix(documents.SUFFIX))
    try:
        return Stem.read(stem).text
    except DocumentError:
        return ending.safe_stem(stem)


def _spell(path: Path, name: str) -> None:
    goal = path.with_name(name)
    if not storing.exists(goal):
        path.rename(goal)
