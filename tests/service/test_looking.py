"""Lists, their pages and filters; and the figures, which equal them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from athena.model.errors import Invalid
from athena.model.lifecycle import ENDED, Status
from athena.model.page import TaskFilter
from athena.model.task import Priority
from tests.service.driver import QueueDriver, priorities


async def test_pending_tasks_are_listed_in_claim_order(queue: QueueDriver):
    """By priority, then id, whatever their readiness."""
    low = await queue.submit(priority=Priority.LOW)
    blocked = await queue.submit(priority=Priority.URGENT, depends_on=(low,))
    urgent = await queue.submit(priority=Priority.URGENT)

    listed = await queue.services.tasks.list(TaskFilter())

    assert [task.id for task in listed.items] == [blocked.id, urgent.id, low.id]
    assert listed.items[0].blocked_by == (low.id,)
    assert listed.next_cursor is None


async def test_running_tasks_are_listed_by_claim(queue: QueueDriver):
    """The longest held comes first."""
    first, second = await queue.submit(), await queue.submit()
    await queue.claim(second, by="pi")
    queue.clock.advance(timedelta(seconds=1))
    await queue.claim(first, by="pi")

    assert [t.id for t in await queue.listed(Status.IN_PROGRESS)] == [second.id, first.id]


async def test_ended_tasks_are_listed_newest_first(queue: QueueDriver):
    """The last end comes first, of whatever kind."""
    ended = []
    for status in sorted(ENDED):
        ended.append((await queue.ended(status)).id)
        queue.clock.advance(timedelta(seconds=1))

    assert [task.id for task in await queue.listed(*ENDED)] == ended[::-1]


async def test_all_statuses_in_one_list(queue: QueueDriver):
    """Pending, then running, then ended."""
    ended = await queue.ended(Status.COMPLETED)
    running = await queue.claimed_by("pi")
    pending = await queue.submit()

    assert [task.id for task in await queue.listed()] == [pending.id, running.id, ended.id]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_pages_give_everything_once(queue: QueueDriver, limit: int):
    """Following the cursors gives the same as one long page, also across the kinds."""
    for number in range(12):
        task = await queue.submit(priority=priorities()[number % 4])
        if number % 3 == 1:
            await queue.claim(task, by="pi")
        if number % 3 == 2:
            await queue.cancel(task)
    everything = [task.id for task in await queue.listed()]

    pages = await queue.pages(limit=limit)

    assert [task_id for page in pages for task_id in page] == everything
    assert all(len(page) == limit for page in pages[:-1])


async def test_pages_are_steady_while_tasks_come_and_go(queue: QueueDriver):
    """What is added or removed elsewhere neither repeats nor hides a task."""
    tasks = [await queue.submit() for _ in range(6)]
    first = await queue.services.tasks.list(TaskFilter(), limit=3)

    await queue.submit(priority=Priority.URGENT)
    await queue.cancel(tasks[1])
    second = await queue.services.tasks.list(TaskFilter(), limit=10, cursor=first.next_cursor)

    assert [task.id for task in second.items] == [task.id for task in tasks[3:]]


@pytest.mark.parametrize("cursor", ["x", "9-1-1", "1-1", "0-0-" + "9" * 30, "-1-1-1"])
async def test_foreign_cursor_is_refused(queue: QueueDriver, cursor: str):
    """A cursor is one that a page gave."""
    with pytest.raises(Invalid):
        await queue.services.tasks.list(TaskFilter(), cursor=cursor)


@pytest.mark.parametrize(
    "wanted",
    [
        {"project": "athena"},
        {"target": "gpu"},
        {"claimed_by": "pi"},
        {"created_by": "bob"},
        {"priority": Priority.HIGH},
        {"text": "BLUE"},
        {"text": "100%_\\"},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
async def test_filters(queue: QueueDriver, wanted: dict[str, Any]):
    """Each restricts the list by itself, in every kind of status."""
    said: dict[str, Any] = {
        "description": "paint it blue, 100%_\\ sure",
        "project": "athena",
        "target": "gpu",
        "created_by": "bob",
        "priority": Priority.HIGH,
    }
    await queue.announce("pi", labels=("gpu",))
    matching = [
        await queue.claimed_by("pi", **said),
        await queue.ended(Status.COMPLETED, "pi", **said),
    ]
    if wanted != {"claimed_by": "pi"}:
        matching.insert(0, await queue.submit(**said))
    await queue.submit("paint it red, 100 sure")
    await queue.claimed_by("macbook")
    await queue.ended(Status.CANCELLED, "macbook")

    found = await queue.listed(**wanted)

    assert [task.id for task in found] == [task.id for task in matching]


async def test_nothing_matches(queue: QueueDriver):
    """An empty page has no cursor."""
    await queue.submit()

    page = await queue.services.tasks.list(TaskFilter(statuses=frozenset()), limit=5)

    assert (page.items, page.next_cursor) == ((), None)


# --- figures ----------------------------------------------------------------------------------


async def test_figures_of_an_empty_queue(queue: QueueDriver):
    """Zeros, and nothing where there is nothing to measure."""
    stats = await queue.services.stats.read()

    assert set(stats.by_status.values()) == set(stats.by_priority.values()) == {0}
    assert (stats.oldest_pending_seconds, stats.wait_seconds_p50, stats.run_seconds_p50) == (
        None,
        None,
        None,
    )
    assert (stats.instances_online, stats.instances_total) == (0, 0)


async def test_figures_equal_the_list(queue: QueueDriver):
    """Counts by status, and of pending ones by priority."""
    for number in range(10):
        await queue.submit(priority=priorities()[number % 3])
    for status in ENDED:
        await queue.ended(status)
    await queue.claimed_by("pi")

    stats = await queue.services.stats.read()

    listed = await queue.listed()
    assert Counter(stats.by_status) == Counter(task.status for task in listed)
    pending = [task.priority for task in listed if task.is_pending]
    assert {p: n for p, n in stats.by_priority.items() if n} == Counter(pending)


async def test_age_of_the_oldest_pending_task(queue: QueueDriver):
    """From its submit; a clock that was set back makes no negative age."""
    await queue.submit()
    queue.clock.advance(timedelta(minutes=2))
    await queue.submit()

    assert (await queue.services.stats.read()).oldest_pending_seconds == 120
    queue.clock.step_wall(timedelta(hours=-1))
    assert (await queue.services.stats.read()).oldest_pending_seconds == 0


async def test_throughput_and_cost_by_span(queue: QueueDriver):
    """Completed tasks and cost of a day, a week, a month; failed ones cost, too."""
    for days, cost in ((0, 1.0), (5, 0.25), (20, 0.5), (100, 9)):
        queue.clock.step_wall(timedelta(days=-days))
        task = await queue.claimed_by("pi", project="athena")
        await queue.complete(task, "pi", result={"success": True, "total_cost_usd": cost})
        queue.clock.step_wall(timedelta(days=days))
    failed = await queue.claimed_by("macbook")
    await queue.fail(failed, "macbook", for_good=True, result={"total_cost_usd": 2})

    stats = await queue.services.stats.read()

    assert stats.throughput == {"24h": 1, "7d": 2, "30d": 3}
    assert stats.cost_usd == {"24h": 3.0, "7d": 3.25, "30d": 3.75}
    assert stats.cost_usd_by_project["athena"] == 1.75
    assert stats.cost_usd_by_instance == {"pi": 1.75, "macbook": 2.0}


async def test_medians(queue: QueueDriver):
    """How long completed tasks waited for their claim, and how long they ran."""
    for wait, run in ((10, 100), (20, 200), (60, 900)):
        task = await queue.submit()
        queue.clock.advance(timedelta(seconds=wait))
        held = await queue.claim(task, by="pi")
        queue.clock.advance(timedelta(seconds=run))
        await queue.complete(held, "pi")

    stats = await queue.services.stats.read()

    assert (stats.wait_seconds_p50, stats.run_seconds_p50) == (20.0, 200.0)


async def test_instances_online(queue: QueueDriver):
    """Those seen within three minutes, of all that there ever were."""
    await queue.announce("pi")
    queue.clock.advance(timedelta(minutes=4))
    await queue.services.instances.mark_silent()
    await queue.announce("macbook")

    stats = await queue.services.stats.read()

    assert (stats.instances_online, stats.instances_total) == (1, 2)
