"""What the writer remembers is what is stored: a use case never sees anything else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from athena.model.errors import Conflict, TaskNotFound
from athena.model.event import TaskDeleted
from athena.model.instance import Instance
from athena.model.task import Task
from athena.store import instances, tasks
from athena.store.base import Store, Transaction
from tests.store.clock import START
from tests.store.samples import ALICE, LEASE, claim, insert, save_notes


async def stored_task(store: Store, task: Task) -> Task:
    return await store.read(lambda reading: tasks.get(reading, task.id))


async def lock(store: Store, task: Task) -> Task:
    return await store.run(lambda tx: tasks.lock(tx, task.id))


async def test_next_use_case_sees_what_the_last_one_wrote(store: Store):
    """Whether it is read again or remembered."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))
    assert await lock(store, task) == held

    noted = await store.run(lambda tx: save_notes(tx, held, "hello"))

    assert await lock(store, task) == noted == await stored_task(store, task)


async def test_change_that_was_rolled_back_is_not_remembered(store: Store):
    """The next use case sees the task as it is stored."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))

    async def act(tx: Transaction) -> None:
        await save_notes(tx, held, "never was")
        raise Conflict

    with pytest.raises(Conflict):
        await store.run(act)

    assert await lock(store, task) == held


async def test_group_with_a_refusal_remembers_the_others(store: Store):
    """One that is rolled back does not take its neighbours' changes along."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))

    async def refuse(tx: Transaction) -> None:
        await save_notes(tx, await tasks.lock(tx, task.id), "never was")
        raise Conflict

    await asyncio.gather(
        store.run(lambda tx: save_notes(tx, held, "hello")),
        store.run(refuse),
        return_exceptions=True,
    )

    assert (await lock(store, task)).notes == "hello"


async def test_removed_task_is_not_remembered(store: Store):
    """It is not there for the next use case."""
    task = await insert(store)
    noted = await store.run(lambda tx: save_notes(tx, task, "hello"))
    await store.run(lambda tx: tasks.delete(tx, noted, TaskDeleted(reason="requested"), ALICE))

    with pytest.raises(TaskNotFound):
        await lock(store, task)


async def test_renewed_lease_is_remembered(store: Store):
    """A renewal that was refused its place is not; one that was stored is."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))
    longer = replace(held, lease=2 * LEASE, lease_deadline=2 * LEASE)

    await store.run(lambda tx: tasks.renew(tx, longer))

    assert await lock(store, task) == longer == await stored_task(store, task)


async def test_instance_is_remembered_as_it_was_saved(store: Store):
    """Whoever comes by with every claim is not read each time."""
    pi = Instance(slug="pi", first_seen=START, last_seen=START, labels=("gpu",))

    async def refuse(tx: Transaction) -> None:
        await instances.save(tx, replace(pi, labels=("never", "was")))
        raise Conflict

    assert await store.run(lambda tx: instances.recall(tx, "pi")) is None
    await store.run(lambda tx: instances.save(tx, pi))
    with pytest.raises(Conflict):
        await store.run(refuse)

    assert await store.run(lambda tx: instances.recall(tx, "pi")) == pi
    assert await store.run(lambda tx: instances.recall(tx, "pi")) == pi


async def test_what_is_remembered_is_bounded(store: Store):
    """A long life does not grow; what was forgotten is read again."""
    stored = await asyncio.gather(*(insert(store) for _ in range(10_100)))
    noted = await asyncio.gather(
        *(store.run(partial(save_notes, task=task, notes="n")) for task in stored)
    )

    assert await lock(store, stored[0]) == noted[0]
    assert await lock(store, stored[-1]) == noted[-1]
