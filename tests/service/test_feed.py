"""The log can be followed: from any position, without a gap, and with somebody to wake one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from athena.model.errors import Invalid, TaskNotFound
from athena.model.event import EventId
from athena.model.lifecycle import Status
from athena.model.task import TaskId
from athena.service.feed import Feed, Watch
from athena.service.services import Services
from athena.store.base import Committed, Query, Role, T
from athena.store.sqlite import SQLiteStore
from tests.service.driver import QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import Engine

SOON = timedelta(milliseconds=20)
LONG = timedelta(seconds=30)
ForeignSubmit = Callable[[], Awaitable[None]]


def ids(events) -> list[int]:
    return [event.id for event in events]


async def test_each_change_is_one_event_in_the_order_of_commit(queue: QueueDriver):
    """Ids grow without a gap, and say who did what to which task."""
    task = await queue.claimed_by("pi")
    await queue.complete(task, "pi")

    log = await queue.log()

    assert [(e.id, e.type) for e in log] == [
        (1, "task.submitted"),
        (2, "instance.online"),
        (3, "task.claimed"),
        (4, "task.completed"),
    ]
    assert {e.task_id for e in log if e.task_id} == {task.id}
    assert [e.actor.name for e in log] == ["alice", "pi", "worker", "worker"]
    assert queue.services.feed.position == 4


async def test_reading_goes_on_from_a_position(queue: QueueDriver):
    """A page after a position, of at most so many."""
    for _ in range(5):
        await queue.submit()
    feed = queue.services.feed

    assert ids(await feed.read(2, limit=2)) == [3, 4]
    assert ids(await feed.read(4, limit=10)) == [5]
    assert ids(await feed.read(5, limit=10)) == []
    assert ids(await feed.read(10**17, limit=10)) == []


async def test_memory_and_store_give_the_same(queue: QueueDriver):
    """Whoever lags reads the store, and notices no difference."""
    for _ in range(5):
        await queue.submit(project="athena")
    fresh = Feed(queue.store)
    await fresh.catch_up()

    assert await fresh.read(0, limit=10) == await queue.services.feed.read(0, limit=10)
    assert fresh.position == 5


async def test_more_than_memory_keeps_is_read_from_the_store(queue: QueueDriver):
    """Memory is bounded; the log is whole all the same."""
    await asyncio.gather(*(queue.submit() for _ in range(1_100)))
    feed = queue.services.feed

    assert ids(await feed.read(0, limit=1_200)) == list(range(1, 1_101))
    assert ids(await feed.read(1_050, limit=1_200)) == list(range(1_051, 1_101))


async def test_waiting_ends_with_the_next_event(queue: QueueDriver):
    """Who waits is woken by a commit, and not before."""
    feed = queue.services.feed
    waiting = asyncio.create_task(feed.wait(0, timeout=LONG))

    await queue.submit()

    assert await waiting


async def test_waiting_for_what_is_there_already(queue: QueueDriver):
    """There is nothing to wait for."""
    await queue.submit()

    assert await queue.services.feed.wait(0, timeout=LONG)


async def test_waiting_in_vain(queue: QueueDriver):
    """Where nothing comes, the time ends the waiting."""
    assert not await queue.services.feed.wait(0, timeout=SOON)


async def test_closing_lets_every_follower_go(queue: QueueDriver):
    """At the end of the server nobody goes on waiting."""
    feed = queue.services.feed
    waiting = asyncio.create_task(feed.wait(0, timeout=LONG))
    await asyncio.sleep(0)

    feed.close()

    assert not await waiting
    assert not await feed.wait(0, timeout=LONG)
    assert feed.stopping


async def test_oldest_kept_event(queue: QueueDriver):
    """An empty log keeps none; then the first is the oldest."""
    assert await queue.services.feed.first_kept() == 0

    await queue.submit()

    assert await queue.services.feed.first_kept() == 1


# --- what another process writes --------------------------------------------------------------


@pytest.fixture
def foreign_submit(engine: Engine, clock: ManualClock, tmp_path: Path) -> ForeignSubmit:
    """Another process submits a task, beside the server."""

    async def submit() -> None:
        async with engine.visit(tmp_path, clock) as store:
            await QueueDriver(store, clock).submit()

    return submit


async def test_foreign_events_are_noticed(queue: QueueDriver, foreign_submit: ForeignSubmit):
    """What a command writes beside the server reaches the followers."""
    feed = queue.services.feed
    waiting = asyncio.create_task(feed.wait(0, timeout=LONG))

    await foreign_submit()
    await feed.notice_foreign_writes()

    assert await waiting
    assert ids(await feed.read(0, limit=10)) == [1]


async def test_commit_told_of_after_a_foreign_one_leaves_no_gap(queue: QueueDriver):
    """What is told late, the follower having caught up meanwhile, is neither lost nor doubled."""
    await queue.submit()
    await queue.submit()
    feed, (first, second) = queue.services.feed, await queue.log()

    feed._on_commit(Committed(events=[first]))
    await queue.submit()

    assert ids(await feed.read(1, limit=10)) == [second.id, 3]
    assert ids(await feed.read(second.id, limit=10)) == [3]


async def test_foreign_event_between_our_own_is_not_skipped(
    queue: QueueDriver, foreign_submit: ForeignSubmit
):
    """A follower that reads from memory misses nothing that another process wrote."""
    feed = queue.services.feed
    await queue.submit()
    await foreign_submit()
    await queue.submit()

    assert ids(await feed.read(0, limit=10)) == [1, 2, 3]
    assert ids(await feed.read(1, limit=10)) == [2, 3]
    assert ids(await feed.read(2, limit=10)) == [3]
    await feed.notice_foreign_writes()
    await queue.submit()
    assert ids(await feed.read(1, limit=10)) == [2, 3, 4]


async def test_ids_that_were_given_to_nothing_are_no_gap(queue: QueueDriver):
    """A commit that failed may leave numbers out: every position is still found."""
    task = await queue.submit()
    (event,) = await queue.log()
    feed = Feed(queue.store)
    log = [event._replace(id=EventId(number)) for number in (1, 2, 5, 6, 90, 91)]

    feed._on_commit(Committed(events=log))

    for after in range(95):
        assert ids(await feed.read(after, limit=3)) == [e.id for e in log if e.id > after][:3]
    assert task.id == 1


async def test_what_another_replica_wrote_is_read_once(tmp_path: Path, clock: ManualClock):
    """However many follow; and nothing is read where nobody does."""
    async with CountingStore(tmp_path / "tasks.db", clock) as store:
        feed = Feed(store)
        await feed.catch_up()
        async with SQLiteStore(tmp_path / "tasks.db", clock, Role.VISITOR) as other:
            await QueueDriver(other, clock).submit()
            await QueueDriver(other, clock).submit()
        reads = store.reads

        feed._on_commit(Committed(elsewhere=EventId(2)))
        assert (feed.position, store.reads) == (2, reads)
        read = await asyncio.gather(*(feed.read(0, limit=10) for _ in range(5)))

        assert [ids(page) for page in read] == [[1, 2]] * 5
        assert store.reads == reads + 1


async def test_first_follower_does_not_read_the_whole_log(tmp_path: Path, clock: ManualClock):
    """After a start memory takes in the newest events only, however long the log is."""
    async with CountingStore(tmp_path / "tasks.db", clock) as store:
        queue = QueueDriver(store, clock)
        await asyncio.gather(*(queue.submit() for _ in range(2_100)))
        feed = Feed(store)
        await feed.catch_up()
        reads = store.reads

        assert await feed.read(2_100, limit=10) == []
        assert ids(await feed.read(1_101, limit=1)) == [1_102]
        assert store.reads == reads + 1
        assert ids(await feed.read(0, limit=1)) == [1]


async def test_who_waits_for_a_task_is_told_of_what_is_skipped(tmp_path: Path, clock: ManualClock):
    """Where so much was written elsewhere at once that memory cannot hold it."""
    async with SQLiteStore(tmp_path / "tasks.db", clock) as store:
        feed = Feed(store)
        async with SQLiteStore(tmp_path / "tasks.db", clock, Role.VISITOR) as visitor:
            queue = QueueDriver(visitor, clock)
            task = await queue.submit()
            await asyncio.gather(*(queue.submit() for _ in range(1_000)))

        with feed.watch(task.id, wait=LONG, is_gone=nobody_left) as watch:
            await feed.notice_foreign_writes()

            assert await watch.changed()


class CountingStore(SQLiteStore):
    """A store that counts how often it is read."""

    reads = 0

    async def read(self, query: Query[T]) -> T:
        self.reads += 1
        return await super().read(query)


# --- one task's events ------------------------------------------------------------------------


async def test_history_is_paged(queue: QueueDriver):
    """Oldest first, page by page."""
    task = await queue.claimed_by("pi")
    await queue.complete(task, "pi")
    events_of = queue.services.tasks.events

    first = await events_of(task.id, limit=2)
    second = await events_of(task.id, limit=2, cursor=first.next_cursor)

    assert [e.type for e in (*first.items, *second.items)] == [
        "task.submitted",
        "task.claimed",
        "task.completed",
    ]
    assert second.next_cursor is None
    past_the_end = await events_of(task.id, limit=2, cursor="99")
    assert past_the_end.items == ()


async def test_history_outlives_its_task(queue: QueueDriver):
    """Events stay when the task is removed."""
    task = await queue.submit()
    await queue.delete(task)

    assert await queue.story_of(task) == ["submitted", "deleted"]


async def test_history_of_no_task(queue: QueueDriver):
    """There must have been a task; a cursor must be one of ours."""
    with pytest.raises(TaskNotFound):
        await queue.services.tasks.events(TaskId(99))
    with pytest.raises(Invalid):
        await queue.services.tasks.events(TaskId(99), cursor="x")


# --- waiting for a result ---------------------------------------------------------------------


def nobody_left() -> bool:
    return False


async def wait_for_result(services: Services, task_id: TaskId, wait: timedelta = LONG):
    return await services.tasks.wait_for_result(task_id, wait=wait, is_gone=nobody_left)


async def test_result_is_waited_for(queue: QueueDriver):
    """Whoever waits has the result as soon as the task ends."""
    task = await queue.claimed_by("pi")
    waiting = asyncio.create_task(wait_for_result(queue.services, task.id))
    await queue.progress(task, "pi", percent=10)

    await queue.complete(task, "pi")

    outcome = await waiting
    assert outcome is not None
    assert outcome.status is Status.COMPLETED


async def test_many_may_wait_for_one_result(queue: QueueDriver):
    """Each has it, and those that give up early do not disturb the others."""
    task = await queue.claimed_by("pi")
    hasty = asyncio.create_task(wait_for_result(queue.services, task.id, SOON))
    patient = [asyncio.create_task(wait_for_result(queue.services, task.id)) for _ in range(3)]
    assert await hasty is None

    await queue.complete(task, "pi")

    assert {outcome.status for outcome in await asyncio.gather(*patient) if outcome} == {
        Status.COMPLETED
    }


async def test_result_that_is_there_needs_no_waiting(queue: QueueDriver):
    """An ended task's result comes at once."""
    task = await queue.ended(Status.CANCELLED)

    outcome = await wait_for_result(queue.services, task.id)

    assert outcome is not None
    assert outcome.status is Status.CANCELLED


async def test_result_that_does_not_come(queue: QueueDriver):
    """The time ends the waiting, with nothing."""
    task = await queue.submit()

    assert await wait_for_result(queue.services, task.id, SOON) is None


async def test_result_of_a_task_that_is_removed_meanwhile(queue: QueueDriver):
    """Whoever waits learns that there is no such task any more."""
    task = await queue.submit()
    waiting = asyncio.create_task(wait_for_result(queue.services, task.id))
    await asyncio.sleep(0)

    await queue.delete(task)

    with pytest.raises(TaskNotFound):
        await waiting


async def test_stopping_ends_the_waiting_for_results(queue: QueueDriver):
    """At the end of the server there is no result, nor for who comes then."""
    task = await queue.submit()
    waiting = asyncio.create_task(wait_for_result(queue.services, task.id))
    await asyncio.sleep(0)

    queue.services.feed.close()

    assert await waiting is None
    assert await wait_for_result(queue.services, task.id) is None


async def test_client_that_left_waits_no_longer(queue: QueueDriver):
    """Somebody looks up now and then whether anybody listens."""
    task = await queue.submit()

    waited = queue.services.tasks.wait_for_result(task.id, wait=LONG, is_gone=lambda: True)

    assert await waited is None


async def test_news_at_the_very_deadline_is_news():
    """A loop that was busy past the deadline still sees what happened before it looked."""
    watch = Watch(wait=SOON, is_gone=nobody_left)
    waiting = asyncio.create_task(watch.changed())
    await asyncio.sleep(0)

    time.sleep(2 * SOON.total_seconds())  # noqa: ASYNC251  (the busy loop is the point)
    watch.notify()

    assert await waiting


async def test_news_that_come_before_the_waiting_are_kept():
    """Between two looks nothing is lost; once seen, it is old."""
    watch = Watch(wait=SOON, is_gone=nobody_left)
    watch.notify()

    assert await watch.changed()
    assert not await watch.changed()


# --- sinks ------------------------------------------------------------------------------------


async def test_sink_keeps_its_place(queue: QueueDriver):
    """A sink has never begun, or goes on from where it was."""
    sinks = queue.services.sinks
    assert await sinks.cursor("discord") is None

    await sinks.move_cursor("discord", EventId(3))
    await sinks.move_cursor("discord", EventId(7))

    assert await sinks.cursor("discord") == 7
    assert await sinks.cursor("webhook") is None
