"""What the writer remembers between transactions is what stands in the file (SQLite only)."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from athena.model.errors import Conflict, TaskNotFound
from athena.model.instance import Instance
from athena.model.task import Task
from athena.store import instances, tasks
from athena.store.base import Transaction
from athena.store.sqlite import SQLiteStore
from tests.store.clock import ManualClock
from tests.store.samples import claim, insert


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
async def store(path: Path, clock: ManualClock) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore(path, clock) as store:
        yield store


async def locked(store: SQLiteStore, task: Task) -> Task:
    return await store.run(lambda tx: tasks.lock(tx, task.id))


async def test_remembered_task_is_the_stored_one(store: SQLiteStore):
    """Who asks for a task that was just changed gets what the file holds."""
    task = await insert(store, metadata={"ticket": "A-1"}, target="pi")

    await store.run(lambda tx: claim(tx, task))

    assert await locked(store, task) == await store.read(lambda r: tasks.get(r, task.id))


async def test_rolled_back_change_is_forgotten(store: SQLiteStore):
    """A use case that fails leaves nothing behind, in the file or in memory."""
    task = await insert(store)

    async def claim_and_fail(tx: Transaction) -> None:
        await claim(tx, task)
        raise Conflict

    with pytest.raises(Conflict):
        await store.run(claim_and_fail)

    assert await locked(store, task) == task


async def test_change_by_another_process_is_seen(store: SQLiteStore, path: Path):
    """Another process's commit counts from the next transaction on."""
    task = await insert(store)
    await store.run(lambda tx: claim(tx, task))

    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM tasks WHERE id = ?", (task.id,))

    with pytest.raises(TaskNotFound):
        await locked(store, task)


async def test_dependencies_are_never_remembered(store: SQLiteStore):
    """What blocks a task changes without it, so it is read each time."""
    first = await insert(store)
    then = await insert(store, depends_on=(first.id,), dependencies=1, unmet=1)
    await store.run(lambda tx: tasks.settle(tx, then, then))

    assert (await locked(store, then)).blocked_by == (first.id,)


async def test_instance_is_remembered_as_announced(store: SQLiteStore, clock: ManualClock):
    """An instance that comes back is known by its last announcement."""
    known = Instance(slug="pi", labels=("arm",), first_seen=clock.now(), last_seen=clock.now())
    await store.run(lambda tx: instances.save(tx, known))

    assert await store.run(lambda tx: instances.recall(tx, "pi")) == known
    assert await store.run(lambda tx: instances.find(tx, "pi")) == known
