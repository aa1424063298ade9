"""What a group of claims gets: as if each had looked for itself, one after another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from athena.model.event import TaskClaimed
from athena.model.instance import Asker, Claimer, Instance
from athena.model.pause import Pause
from athena.model.task import Priority, Task, TaskId, replace
from athena.store import dependencies, events, foresight, instances, tasks
from athena.store.base import Needs, Store, Transaction
from athena.store.foresight import foresee
from tests.store.clock import START
from tests.store.samples import claim, insert, save_notes

ANYBODY = Asker(instance="pi")


async def chosen_for(store: Store, *askers: Asker) -> list[list[int]]:
    """For each asker's kind, once, the tasks that its claims get."""

    async def act(tx: Transaction) -> list[list[int]]:
        chosen = await foresee(tx, [Needs(asker=asker) for asker in askers])
        return [list(line) for line in chosen.values()]

    return await store.run(act, beside=True)


async def test_each_claim_gets_the_best_that_is_left(store: Store):
    """In the order in which they ask; who comes too late gets nothing."""
    low = await insert(store, priority=Priority.LOW)
    urgent = await insert(store, priority=Priority.URGENT)
    other = Asker(instance="mac")

    assert await chosen_for(store, ANYBODY, other, ANYBODY, other) == [[urgent.id], [low.id]]


async def test_every_place_is_looked_at(store: Store):
    """Everybody's tasks, the instance's own and those of its labels, of the projects it names."""
    await insert(store, project="docs")
    own = await insert(store, target="pi", project="athena", priority=Priority.LOW)
    label = await insert(store, target="gpu", project="athena", priority=Priority.HIGH)
    asker = Asker(instance="pi", labels=("gpu",), projects=("athena", "web"))

    assert await chosen_for(store, asker, asker, asker) == [[label.id, own.id]]
    assert await chosen_for(store, Asker(instance="mac", projects=("web",))) == [[]]


async def test_what_was_announced_counts_where_nothing_is_said(store: Store):
    """The labels and projects of the last heartbeat."""
    await insert(store)
    wanted = await insert(store, project="athena", target="gpu")
    announced = Instance(
        slug="pi", labels=("gpu",), projects=("athena",), first_seen=START, last_seen=START
    )
    await store.run(lambda tx: instances.save(tx, announced))

    assert await chosen_for(store, ANYBODY) == [[wanted.id]]


async def test_pauses_and_very_many_places_are_left_to_the_claims(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    """Then nothing is chosen beforehand."""
    await insert(store, project="athena")
    monkeypatch.setattr(foresight, "_PLACES_MAX", 5)
    many = Asker(instance="pi", projects=("a", "b", "athena"))

    assert await chosen_for(store, many) == []

    monkeypatch.undo()
    await store.run(lambda tx: instances.add_pause(tx, Pause(project="web")))

    assert await chosen_for(store, many) == []


async def take(tx: Transaction, claimer: Claimer) -> int | None:
    task = await tasks.take_candidate(tx, claimer, without=frozenset())
    return None if task is None else (await claim(tx, task, claimer.instance)).id


async def test_task_that_is_gone_by_its_turn_is_not_given_out(store: Store):
    """Somebody of the same group has changed it: the claim looks for itself."""
    first = await insert(store)
    second = await insert(store)
    claimer = ANYBODY.claimer(None)

    async def act(tx: Transaction) -> list[Any]:
        tx.chosen = await foresee(tx, [Needs(asker=ANYBODY)])  # type: ignore[misc]
        await claim(tx, await tasks.lock(tx, first.id), "mac")
        return [await take(tx, claimer), await take(tx, claimer)]

    assert await store.run(act) == [second.id, None]


async def test_a_crowd_of_claims_takes_each_task_once(store: Store):
    """However they fall into groups."""
    wanted = [await insert(store, project=f"p{number % 3}") for number in range(30)]
    askers = [
        Asker(instance=f"i{number}", projects=(f"p{number % 3}",) if number % 2 else None)
        for number in range(48)
    ]

    async def ask(asker: Asker) -> int | None:
        claimer = asker.claimer(None)
        return await store.run(lambda tx: take(tx, claimer), needs=Needs(asker=asker), beside=True)

    taken = await asyncio.gather(*map(ask, askers))

    assert sorted(filter(None, taken)) == [task.id for task in wanted]
    told = await store.read(lambda r: events.after(r, 0, limit=100))
    assert [event.type for event in told].count(TaskClaimed.type) == 30


async def test_needed_tasks_are_in_memory_and_locked(store: Store):
    """Those that nothing but their own changes can reach; the others are read when asked for."""
    plain = await insert(store)
    laned = await insert(store, lane="deploy")
    waiting = await insert(store, depends_on=(plain.id,), dependencies=1, unmet=1)

    async def act(tx: Transaction) -> list[bool]:
        tx.memory.clear()
        await foresee(tx, [Needs(tasks=(plain.id, laned.id, waiting.id, TaskId(99)))])
        return [tx.memory.find(Task, task.id) is not None for task in (plain, laned, waiting)]

    assert await store.run(act) == [True, False, False]


async def test_whether_anything_depends_on_a_task(store: Store):
    """It is remembered that nothing does, until something does."""
    first, second = await insert(store), await insert(store)
    await insert(store, depends_on=(first.id,), dependencies=1, unmet=1)

    async def look(tx: Transaction) -> list[bool]:
        await foresee(tx, [Needs(tasks=(first.id, second.id))])
        return [await dependencies.is_depended_on(tx, task.id) for task in (first, second)]

    assert await store.run(look) == [True, False]
    await insert(store, depends_on=(second.id,), dependencies=1, unmet=1)
    assert await store.run(look) == [True, True]


# --- deferred writes --------------------------------------------------------------------------


async def test_two_writes_of_one_row_keep_their_order(store: Store):
    """The last one stands, by whichever statements they come."""
    task = await insert(store)

    async def act(tx: Transaction) -> None:
        held = await claim(tx, await tasks.lock(tx, task.id))
        told = await save_notes(tx, held, "first")
        await save_notes(tx, told, "second")

    await store.run(act)

    stored = await store.read(lambda r: tasks.get(r, task.id))
    assert (stored.attempt, stored.notes) == (1, "second")


async def test_deferred_write_is_seen_by_the_next_read(store: Store):
    """Within its own transaction too."""
    task = await insert(store)

    async def act(tx: Transaction) -> str | None:
        await save_notes(tx, await tasks.lock(tx, task.id), "noted")
        return (await tasks.get(tx, task.id)).notes

    assert await store.run(act) == "noted"


async def test_refusal_takes_back_what_waits_and_harms_nobody(store: Store):
    """Of those who write at the same time, the others' writes and events stay."""
    before = [await insert(store) for _ in range(12)]

    async def note(tx: Transaction, task: Task) -> None:
        locked = await tasks.lock(tx, task.id)
        await save_notes(tx, locked, "noted")
        if task.id % 3 == 0:
            raise RuntimeError("no")

    outcomes = await asyncio.gather(
        *(store.run(lambda tx, task=task: note(tx, task), beside=True) for task in before),  # type: ignore[misc]
        return_exceptions=True,
    )

    refused = {task.id for task, outcome in zip(before, outcomes, strict=True) if outcome}
    assert refused == {task.id for task in before if task.id % 3 == 0}
    stored = [await store.read(lambda r, task=task: tasks.get(r, task.id)) for task in before]  # type: ignore[misc]
    assert {task.id for task in stored if task.notes is None} == refused
    told = await store.read(lambda r: events.after(r, 12, limit=100))
    assert sorted(event.task_id or 0 for event in told) == sorted(
        task.id for task in before if task.id not in refused
    )


async def test_group_with_an_impossible_write_is_carried_out_one_by_one(store: Store):
    """What the database refuses at the end of a group is refused to its own alone."""
    before = [await insert(store) for _ in range(6)]

    async def save(tx: Transaction, task: Task) -> None:
        locked = await tasks.lock(tx, task.id)
        await save_notes(tx, replace(locked, failures=-1 if task.id == 3 else 1), "noted")

    outcomes = await asyncio.gather(
        *(store.run(lambda tx, task=task: save(tx, task), beside=True) for task in before),  # type: ignore[misc]
        return_exceptions=True,
    )

    assert [task.id for task, outcome in zip(before, outcomes, strict=True) if outcome] == [3]
    assert (await store.read(lambda r: tasks.get(r, before[2].id))).notes is None
    assert (await store.read(lambda r: tasks.get(r, before[5].id))).notes == "noted"


async def test_impossible_write_is_found_also_before_the_next_use_cases_begin(store: Store):
    """What the next ones need is fetched first, and that writes what waits."""
    before = [await insert(store) for _ in range(40)]

    async def save(tx: Transaction, task: Task) -> None:
        locked = await tasks.lock(tx, task.id)
        await save_notes(tx, replace(locked, failures=-1 if task.id % 10 == 3 else 1), "noted")

    async def ask(task: Task) -> None:
        # From other turns of the loop, so that some come while others are carried out.
        await asyncio.sleep(0)
        await store.run(lambda tx: save(tx, task), needs=Needs(tasks=(task.id,)), beside=True)

    outcomes = await asyncio.gather(*map(ask, before), return_exceptions=True)

    refused = [task.id for task, outcome in zip(before, outcomes, strict=True) if outcome]
    assert refused == [3, 13, 23, 33]
