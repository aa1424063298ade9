"""What is removed, by hand, by purge, or by age; and what is never removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.errors import InvalidTransition, TaskNotFound
from athena.model.event import EventId
from athena.model.lifecycle import ENDED, Status
from tests.service.driver import ALICE, QueueDriver

SINKS = frozenset({"discord", "webhook"})


async def purge(queue: QueueDriver, *statuses: Status) -> int:
    """Remove what has ended before now."""
    return await queue.services.tasks.purge(
        statuses=frozenset(statuses or ENDED), before=queue.clock.now(), by=ALICE
    )


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.IN_PROGRESS])
async def test_task_is_removed(queue: QueueDriver, status: Status):
    """Whatever is not in progress can be removed; who did so stands in the log."""
    task = await queue.submit() if status is Status.PENDING else await queue.ended(status)

    await queue.delete(task)

    with pytest.raises(TaskNotFound):
        await queue.get(task)
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["reason"], event.actor.name) == (
        "task.deleted",
        "requested",
        "alice",
    )


async def test_task_in_progress_is_not_removed(queue: QueueDriver):
    """First it is cancelled."""
    task = await queue.claimed_by("pi")

    with pytest.raises(InvalidTransition):
        await queue.delete(task)


async def test_removed_task_is_gone_for_its_callers(queue: QueueDriver):
    """Everything about it is 404 from then on."""
    task = await queue.submit()
    await queue.delete(task)

    for act in (queue.delete, queue.cancel, queue.retry):
        with pytest.raises(TaskNotFound):
            await act(task)


async def test_purge_removes_what_ended_before(queue: QueueDriver):
    """Ended tasks alone, and only those that ended before the time."""
    old = [await queue.ended(status) for status in sorted(ENDED)]
    pending, running = await queue.submit(), await queue.claimed_by("pi")
    queue.clock.advance(timedelta(days=1))
    now_ended = await queue.ended(Status.COMPLETED)

    assert await purge(queue) == len(old)

    left = {task.id for task in await queue.listed()}
    assert left == {pending.id, running.id, now_ended.id}
    assert [(await queue.history_of(task))[-1].data["reason"] for task in old] == ["purged"] * 3


async def test_purge_of_some_ends(queue: QueueDriver):
    """Only the statuses asked for."""
    ended = {status: await queue.ended(status) for status in ENDED}
    queue.clock.advance(timedelta(days=1))

    assert await purge(queue, Status.FAILED) == 1

    left = {task.id for task in await queue.listed()}
    assert left == {ended[Status.COMPLETED].id, ended[Status.CANCELLED].id}


async def test_purge_leaves_what_others_depend_on(queue: QueueDriver):
    """A task that is still waited for, or shown as done, stays as long as its dependent."""
    first = await queue.ended(Status.COMPLETED)
    task = await queue.submit(depends_on=(first,))
    queue.clock.advance(timedelta(days=1))

    assert await purge(queue) == 0
    await queue.cancel(task)
    queue.clock.advance(timedelta(days=1))

    assert await purge(queue) == 2


async def test_purge_of_more_than_one_batch(queue: QueueDriver):
    """In small transactions, but all of it."""
    for _ in range(450):
        await queue.cancel(await queue.submit())
    queue.clock.advance(timedelta(days=1))

    assert await purge(queue) == 450
    assert await purge(queue) == 0


# --- by age -----------------------------------------------------------------------------------


async def test_retention_removes_old_ends_and_old_events(queue: QueueDriver):
    """What ended longer ago than the span goes, and the log of that age with it."""
    old = await queue.ended(Status.COMPLETED)
    await queue.advance(days=89)
    young = await queue.ended(Status.COMPLETED)
    await queue.advance(days=2)

    removed = await queue.services.sweeping.retain(timedelta(days=90), sinks=SINKS)

    assert removed == 1
    assert [task.id for task in await queue.listed()] == [young.id]
    assert await queue.story_of(old) == ["deleted"]
    assert await queue.services.feed.first_kept() > 1


async def test_retention_spares_open_tasks(queue: QueueDriver):
    """Neither waiting nor running tasks grow too old."""
    pending, running = await queue.submit(), await queue.claimed_by("pi")
    queue.clock.step_wall(timedelta(days=400))

    assert await queue.services.sweeping.retain(timedelta(days=90), sinks=SINKS) == 0

    assert {task.id for task in await queue.listed()} == {pending.id, running.id}


async def test_retention_spares_events_that_a_sink_has_not_read(queue: QueueDriver):
    """No event is lost to a sink that is away."""
    await queue.submit()
    await queue.submit()
    await queue.submit()
    await queue.services.sinks.move_cursor("webhook", EventId(3))
    await queue.services.sinks.move_cursor("discord", EventId(2))
    queue.clock.advance(timedelta(days=100))

    await queue.services.sweeping.retain(timedelta(days=90), sinks=SINKS)

    assert await queue.services.feed.first_kept() == 2


async def test_retention_does_not_wait_for_a_sink_that_is_gone(queue: QueueDriver):
    """A sink that was switched off for good does not keep the log for ever."""
    for _ in range(3):
        await queue.submit()
    await queue.services.sinks.move_cursor("discord", EventId(3))
    await queue.services.sinks.move_cursor("gone", EventId(0))
    queue.clock.advance(timedelta(days=100))

    await queue.services.sweeping.retain(timedelta(days=90), sinks=SINKS)

    assert await queue.services.feed.first_kept() == 3


async def test_newest_event_is_always_kept(queue: QueueDriver):
    """So that positions go on from where they were."""
    await queue.submit()
    queue.clock.advance(timedelta(days=100))

    await queue.services.sweeping.retain(timedelta(days=90), sinks=SINKS)

    assert await queue.services.feed.first_kept() == 1
