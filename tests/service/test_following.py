"""Following a transcript: lines as they come, wherever they were appended, until the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from athena.model import limits
from athena.model.lifecycle import Status
from athena.model.task import Task
from athena.model.transcript import LineKind, Said, TranscriptPage
from athena.store.base import Query, T
from athena.store.postgres import PostgresStore
from tests.service.driver import QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import Engine, only_on

DEADLINE_SECONDS = 20
LONG = timedelta(minutes=1)


async def append(queue: QueueDriver, task: Task, *texts: str, first: int = 0) -> None:
    lines = [Said(kind=LineKind.TEXT, text=text) for text in texts]
    await queue.services.transcript.append(
        task.id, instance="pi", attempt=task.attempt, first=first, lines=lines
    )


class Follower:
    """Somebody who waits for what comes after a position."""

    def __init__(self, queue: QueueDriver, task: Task, *, wait: timedelta = LONG) -> None:
        self.is_gone = False
        self._waiting = asyncio.create_task(
            queue.services.transcript.next_page(
                task.id, after=0, limit=100, wait=wait, is_gone=lambda: self.is_gone
            )
        )

    async def is_waiting(self) -> bool:
        """Whether it does, after everybody has had some turns."""
        for _ in range(50):
            await asyncio.sleep(0.001)
        return not self._waiting.done()

    async def page(self) -> TranscriptPage:
        """What it got in the end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._waiting

    async def texts(self) -> list[str]:
        return [line.text for line in (await self.page()).lines]


@pytest.fixture
async def replicas(
    engine: Engine, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[list[QueueDriver]]:
    """Two servers on one database."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            store = await stack.enter_async_context(engine.build(tmp_path, clock))
            found.append(QueueDriver(store, clock))
        yield found


async def test_what_is_there_is_given_at_once(queue: QueueDriver):
    """Nobody waits for more while there is something to tell."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a", "b")

    assert await Follower(queue, task).texts() == ["a", "b"]


async def test_follower_is_woken_by_a_line(queue: QueueDriver):
    """At once, within one process; all who follow."""
    task = await queue.claimed_by("pi")
    followers = [Follower(queue, task) for _ in range(3)]
    assert await followers[0].is_waiting()

    await append(queue, task, "a")

    assert [await follower.texts() for follower in followers] == [["a"]] * 3


async def test_follower_of_a_pending_task_waits_for_its_first_line(queue: QueueDriver):
    """Its claim is no line; what its holder says then is."""
    task = await queue.submit()
    follower = Follower(queue, task)
    assert await follower.is_waiting()
    claimed = await queue.claim(task, "pi")
    assert await follower.is_waiting()

    await append(queue, claimed, "a")

    assert await follower.texts() == ["a"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_following_ends_with_the_task(queue: QueueDriver, status: Status):
    """Whatever became of it; one that has ended already is not waited for."""
    task = await queue.claimed_by("pi")
    follower = Follower(queue, task)
    assert await follower.is_waiting()

    if status is Status.COMPLETED:
        await queue.complete(task, "pi")
    elif status is Status.FAILED:
        await queue.fail(task, "pi", for_good=True)
    else:
        await queue.cancel(task)

    for end in (await follower.page(), await Follower(queue, task).page()):
        assert (end.lines, end.is_end, end.status) == ((), True, status)


async def test_last_lines_come_before_the_end(queue: QueueDriver):
    """An ended task whose lines were not all told has not ended for its follower."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a")
    await queue.complete(task, "pi")

    page = await Follower(queue, task).page()

    assert (len(page.lines), page.is_end) == (1, False)


async def test_removed_task_has_ended(queue: QueueDriver):
    """Without a status."""
    task = await queue.submit()
    follower = Follower(queue, task)
    assert await follower.is_waiting()

    await queue.delete(task)

    assert ((await follower.page()).status, (await follower.page()).is_end) == (None, True)


async def test_waiting_ends_in_time(queue: QueueDriver):
    """With an empty page, and a status that says that more may come."""
    task = await queue.claimed_by("pi")

    page = await Follower(queue, task, wait=timedelta(milliseconds=20)).page()

    assert (page.lines, page.is_end, page.status) == ((), False, Status.IN_PROGRESS)


async def test_waiting_ends_with_the_server_and_with_the_client(queue: QueueDriver):
    """Nobody is kept, and nothing is kept of them."""
    task = await queue.claimed_by("pi")
    gone, stopped = Follower(queue, task), Follower(queue, task)
    assert await gone.is_waiting()

    gone.is_gone = True
    assert (await gone.page()).lines == ()
    queue.services.feed.close()
    assert (await stopped.page()).lines == ()

    assert queue.services.transcript._followers == {}


async def test_lines_at_every_moment_reach_the_follower(queue: QueueDriver):
    """None falls between a look and the wait after it."""
    task = await queue.claimed_by("pi")
    seen: list[str] = []

    async def follow() -> None:
        after = 0
        while len(seen) < 200:
            page = await queue.services.transcript.next_page(
                task.id, after=after, limit=7, wait=LONG, is_gone=lambda: False
            )
            seen.extend(line.text for line in page.lines)
            after = page.next_after

    following = asyncio.create_task(follow())
    for number in range(0, 200, 2):
        await append(queue, task, str(number), str(number + 1), first=number)
        await asyncio.sleep(0)

    async with asyncio.timeout(DEADLINE_SECONDS):
        await following
    assert seen == [str(number) for number in range(200)]


@only_on("postgres", "on SQLite there is one server")
async def test_lines_appended_elsewhere_come_too(replicas: list[QueueDriver]):
    """Through whichever server the worker speaks, and whichever a person listens to."""
    here, there = replicas
    task = await here.claimed_by("pi")
    follower = Follower(there, task)
    assert await follower.is_waiting()

    await append(here, task, "a")

    assert await follower.texts() == ["a"]


@only_on("postgres", "on SQLite there is one server")
async def test_sender_may_change_servers(replicas: list[QueueDriver]):
    """The same batch through both at once is kept once, and ids have no gap."""
    task = await replicas[0].claimed_by("pi")

    for first in range(0, 60, 3):
        await asyncio.gather(
            *(append(r, task, *(str(first + k) for k in range(3)), first=first) for r in replicas)
        )

    page = await replicas[1].services.transcript.page(task.id, limit=500)
    assert [(line.id, line.text) for line in page.lines] == [(n + 1, str(n)) for n in range(60)]


class CountingStore(PostgresStore):
    """A shared store that counts how often it is read."""

    reads = 0

    async def read(self, query: Query[T]) -> T:
        self.reads += 1
        return await super().read(query)


@only_on("postgres", "on SQLite there is nothing to look for")
async def test_store_is_looked_at_only_while_somebody_follows(
    engine: Engine, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once for all of them, however many there are; and not at all once they have left."""
    monkeypatch.setattr(limits, "LINES_LOOKED_FOR_EVERY", timedelta(milliseconds=5))
    url = engine.url(tmp_path)
    async with CountingStore(url, clock) as store:
        queue = QueueDriver(store, clock)
        tasks = [await queue.claimed_by("pi") for _ in range(5)]
        followers = [Follower(queue, task) for task in tasks for _ in range(4)]
        assert await followers[0].is_waiting()
        looking = queue.services.transcript._looking
        assert looking is not None
        before = store.reads
        async with asyncio.timeout(DEADLINE_SECONDS):
            while store.reads < before + 3:  # noqa: ASYNC110  (nothing tells of a look)
                await asyncio.sleep(0.002)
        assert await followers[-1].is_waiting()

        for task in tasks:
            await append(queue, task, "a")
        for follower in followers:
            await follower.page()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await looking

        assert queue.services.transcript._looking is None
