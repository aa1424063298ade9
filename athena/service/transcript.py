"""Transcripts: holders append lines, people read them and follow them as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from athena.model import limits
from athena.model.errors import NotHolder, TaskNotFound, Unavailable
from athena.model.task import Task, TaskId
from athena.model.transcript import Said, TranscriptPage, not_known
from athena.service.feed import Feed, Watch
from athena.store import tasks, transcript
from athena.store.base import Needs, Reading, Store, Transaction


@dataclass(eq=False, slots=True)
class _Follower:
    """Somebody who has seen all lines up to `after`, and waits for more."""

    watch: Watch
    after: int


class Transcript:
    """The lines of every task.

    Who follows is woken by what this process appends, and by the task's events, which tell of its
    end. What other replicas append has no event and no notice: as long as anybody follows, one
    look at the store, for all of them, finds it.
    """

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed
        self._followers: dict[TaskId, set[_Follower]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def append(
        self, task_id: TaskId, *, instance: str, attempt: int, first: int, lines: Sequence[Said]
    ) -> int:
        """Keep lines of an attempt, numbered from `first`; gives the number of its next line.

        Those that are known already are left out, so that a batch may be sent again; numbers may
        be missing. Whoever held the attempt may send them, also late: after its end, and after a
        new claim.

        Raises: TaskNotFound; NotHolder.
        """

        async def act(tx: Transaction) -> int:
            task = await tasks.lock(tx, task_id)
            # Before anything is asked of the store, which does not know numbers of any size.
            if not 1 <= attempt <= task.attempt:
                raise NotHolder(f"Task #{task_id} has not had this attempt.")
            known = await transcript.numbering(tx, task_id, attempt)
            holder = known.instance if known else await _holder_of(tx, task, attempt)
            if holder != instance:
                raise NotHolder(f"This instance did not hold attempt {attempt} of #{task_id}.")
            next_number = known.next_number if known else 0
            new = not_known(lines, first=first, known=next_number)
            if not new:
                return next_number
            await transcript.append(
                tx,
                task_id,
                attempt=attempt,
                instance=instance,
                first=max(first, next_number),
                lines=new,
            )
            return first + len(lines)

        next_number = await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)
        for follower in self._followers.get(task_id, ()):
            follower.watch.notify()
        return next_number

    async def page(
        self, task_id: TaskId, *, after: int = 0, limit: int, tail: int | None = None
    ) -> TranscriptPage:
        """The lines after a position, oldest first; with `tail` only the last so many of them.

        Raises: TaskNotFound.
        """
        page = await self._read(task_id, after=after, limit=limit, tail=tail)
        if page.status is None:
            raise TaskNotFound(f"There is no task #{task_id}.")
        return page

    async def next_page(
        self,
        task_id: TaskId,
        *,
        after: int,
        limit: int,
        wait: timedelta,
        is_gone: Callable[[], bool],
    ) -> TranscriptPage:
        """As `page`, waiting for a line where there is none, or for the end of the task.

        One that is removed meanwhile has ended. Where nothing happens in time, or nobody listens
        any more, the page is empty.
        """
        with self._following(task_id, after, wait=wait, is_gone=is_gone) as watch:
            page = await self._read(task_id, after=after, limit=limit)
            while not page.lines and not page.is_end and await watch.changed():
                page = await self._read(task_id, after=after, limit=limit)
        return page

    async def _read(
        self, task_id: TaskId, *, after: int, limit: int, tail: int | None = None
    ) -> TranscriptPage:
        async def look(reading: Reading) -> TranscriptPage:
            state = await transcript.state(reading, task_id)
            if state is None:
                return TranscriptPage(lines=(), next_after=after, dropped=0, status=None)
            status, extent = state
            # A position beyond the end is one of another life of the store, before a restore.
            start = min(after, extent.last_id)
            if tail is not None:
                start = max(start, extent.last_id - tail)
            wanted = limit if tail is None else tail
            lines = (
                await transcript.lines_after(reading, task_id, start, limit=wanted)
                if start < extent.last_id
                else ()
            )
            return TranscriptPage(
                lines=lines,
                next_after=lines[-1].id if lines else start,
                dropped=extent.dropped,
                status=status,
            )

        return await self._store.read(look)

    @contextlib.contextmanager
    def _following(
        self, task_id: TaskId, after: int, *, wait: timedelta, is_gone: Callable[[], bool]
    ) -> Iterator[Watch]:
        """Be told of the task's events and lines for the length of the block."""
        with self._feed.watch(task_id, wait=wait, is_gone=is_gone) as watch:
            follower = _Follower(watch, after)
            self._followers.setdefault(task_id, set()).add(follower)
            self._look_out()
            try:
                yield watch
            finally:
                followers = self._followers[task_id]
                followers.discard(follower)
                if not followers:
                    del self._followers[task_id]

    def _look_out(self) -> None:
        """Have somebody look at what other replicas append, while anybody follows."""
        if self._store.is_shared and self._looking is None:
            self._looking = asyncio.create_task(self._look_while_followed(), name="transcript")

    async def _look_while_followed(self) -> None:
        try:
            while self._followers and not self._feed.stopping:
                await asyncio.sleep(limits.LINES_LOOKED_FOR_EVERY.total_seconds())
                # Where the store is away, it is looked at again when it may be back.
                with contextlib.suppress(Unavailable):
                    await self._look()
        finally:
            self._looking = None

    async def _look(self) -> None:
        """Wake those who have not seen the newest line of their task."""
        followed = tuple(self._followers)
        extents = await self._store.read(lambda reading: transcript.extents(reading, followed))
        for task_id, extent in extents.items():
            for follower in self._followers.get(task_id, ()):
                if follower.after < extent.last_id:
                    follower.watch.notify()


async def _holder_of(tx: Transaction, task: Task, attempt: int) -> str | None:
    """Who held the attempt, or holds it; None where that is not known any more."""
    if attempt == task.attempt and task.claimed_by is not None:
        return task.claimed_by
    return await transcript.claimer_of(tx, task.id, attempt, current=task.attempt)
