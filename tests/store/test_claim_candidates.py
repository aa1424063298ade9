"""The next task for a claimer: order and every filter, by the statements alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.instance import Claimer
from athena.model.lifecycle import ENDED, Status
from athena.model.pause import Pause
from athena.model.task import Priority
from athena.store import instances, tasks
from athena.store.base import Reading, Store, Transaction
from tests.store.clock import START, ManualClock
from tests.store.samples import claim, end, insert

ANYBODY = Claimer(instance="pi")


async def candidate(
    store: Store, claimer: Claimer = ANYBODY, without: frozenset[str] = frozenset()
) -> int | None:
    task = await store.read(lambda r: tasks.claim_candidate(r, claimer, without=without))
    return None if task is None else task.id


async def test_best_priority_then_lowest_id(store: Store):
    """Priority counts before age."""
    await insert(store, priority=Priority.LOW)
    first = await insert(store, priority=Priority.HIGH)
    await insert(store, priority=Priority.HIGH)

    assert await candidate(store) == first.id


async def test_only_ready_tasks(store: Store):
    """Neither what is running, nor what is scheduled."""
    held = await insert(store, priority=Priority.URGENT)
    await store.run(lambda tx: claim(tx, held))
    await insert(store, not_before=START + timedelta(hours=1))

    assert await candidate(store) is None


@pytest.mark.parametrize(
    ("claimer", "wanted"),
    [
        (Claimer(instance="pi"), {1, 2}),
        (Claimer(instance="mac"), {1}),
        (Claimer(instance="mac", labels=("gpu",)), {1, 3}),
        (Claimer(instance="pi", labels=("gpu", "gpu", "pi")), {1, 2, 3}),
        (Claimer(instance="gpu"), {1, 3}),
    ],
)
async def test_targets_and_labels(store: Store, claimer: Claimer, wanted: set[int]):
    """Everybody's, the instance's own, and its labels'."""
    for target in (None, "pi", "gpu"):
        await insert(store, target=target)

    async def take(tx: Transaction) -> int | None:
        task = await tasks.claim_candidate(tx, claimer, without=frozenset())
        return None if task is None else (await claim(tx, task, claimer.instance)).id

    found = [await store.run(take) for _ in range(4)]

    assert set(found) == wanted | {None}


@pytest.mark.parametrize(
    ("projects", "without", "wanted"),
    [
        (None, set(), 1),
        (("b",), set(), 3),
        (("b", "a"), set(), 2),
        (("c",), set(), None),
        (None, {"a"}, 1),
        (("a", "b"), {"a"}, 3),
        (("a",), {"a"}, None),
    ],
)
async def test_projects_and_pauses(
    store: Store, projects: tuple[str, ...] | None, without: set[str], wanted: int | None
):
    """Named projects and no others; of paused ones nothing."""
    for project in (None, "a", "b"):
        await insert(store, project=project)

    claimer = Claimer(instance="pi", projects=projects)

    assert await candidate(store, claimer, frozenset(without)) == wanted


async def test_pause_of_all_but_one(store: Store):
    """However many projects are passed over, the one that is left is found."""
    for number in range(30):
        await insert(store, project=f"project-{number}", priority=Priority.URGENT)
    wanted = await insert(store, project="wanted", priority=Priority.LOW)
    paused = frozenset(f"project-{number}" for number in range(30))

    assert await candidate(store, ANYBODY, paused) == wanted.id


async def test_candidate_comes_with_its_dependencies(store: Store):
    """As every task that is read."""
    first = await insert(store)
    held = await store.run(lambda tx: claim(tx, first))
    await insert(store, depends_on=(held.id,), dependencies=1)

    found = await store.read(lambda r: tasks.claim_candidate(r, ANYBODY, without=frozenset()))

    assert found is not None
    assert (found.depends_on, found.blocked_by) == ((first.id,), (first.id,))


async def test_due_tasks_are_found_in_order(store: Store, clock: ManualClock):
    """The earliest first, and no more than asked for."""
    later = await insert(store, not_before=START + timedelta(minutes=2))
    sooner = await insert(store, not_before=START + timedelta(minutes=1))
    await insert(store, not_before=START + timedelta(days=1))

    async def due(reading: Reading, limit: int) -> list[int]:
        return [task.id for task in await tasks.due(reading, limit=limit)]

    assert await store.read(lambda r: due(r, 5)) == []
    clock.advance(timedelta(minutes=5))

    assert await store.read(lambda r: due(r, 5)) == [sooner.id, later.id]
    assert await store.read(lambda r: due(r, 1)) == [sooner.id]


async def test_expired_leases_are_found_by_the_steady_clock(store: Store):
    """At the very end of the lease, not before."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))
    assert held.lease_deadline is not None

    async def expired(reading: Reading, at: timedelta) -> list[int]:
        return [t.id for t in await tasks.with_expired_lease(reading, steady=at, limit=5)]

    before = held.lease_deadline - timedelta(milliseconds=1)
    assert await store.read(lambda r: expired(r, before)) == []
    assert await store.read(lambda r: expired(r, before + timedelta(milliseconds=1))) == [task.id]


async def test_place_counts_every_pending_task(store: Store):
    """By priority, then id."""
    low = await insert(store, priority=Priority.LOW)
    high = await insert(store, priority=Priority.HIGH)
    second = await insert(store, priority=Priority.HIGH)

    async def places(reading: Reading) -> list[int]:
        return [await tasks.place_in_queue(reading, task) for task in (high, second, low)]

    assert await store.read(places) == [1, 2, 3]


async def test_ended_tasks_of_some_kinds(store: Store):
    """Any choice among the three ends; what others depend on is left out."""
    ended = {status: await end(store, await insert(store), status) for status in sorted(ENDED)}
    needed = await end(store, await insert(store), Status.COMPLETED)
    await insert(store, depends_on=(needed.id,), dependencies=1)
    late = START + timedelta(days=1)

    async def found(*statuses: Status) -> set[int]:
        rows = await store.read(lambda r: tasks.ended_before(r, late, statuses=statuses, limit=10))
        return {task.id for task in rows}

    assert await found(*ENDED) == {task.id for task in ended.values()}
    assert await found(Status.FAILED) == {ended[Status.FAILED].id}
    assert await found() == set()


async def test_pauses_are_kept_once(store: Store):
    """Adding and removing say whether anything changed."""
    pause = Pause(project="athena", instance="pi")

    assert await store.run(lambda tx: instances.add_pause(tx, pause))
    assert not await store.run(lambda tx: instances.add_pause(tx, pause))
    assert (await store.read(instances.pauses)).items == (pause,)
    assert await store.run(lambda tx: instances.remove_pause(tx, pause))
    assert not await store.run(lambda tx: instances.remove_pause(tx, pause))
