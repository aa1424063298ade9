"""A use case is carried out whole or not at all, and nothing else in its way."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from athena.model.errors import Conflict, NotHolder, TaskNotFound, Unavailable
from athena.model.event import TaskDeleted
from athena.model.lifecycle import Status
from athena.model.task import Task, TaskId
from athena.store import events, tasks
from athena.store.base import Committed, Reading, Store, Transaction
from tests.store.clock import ManualClock
from tests.store.engines import Engine
from tests.store.samples import ALICE, CHANGED, SUBMITTED, a_task, claim, insert, save_notes

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


async def stored_task(store: Store, task: Task) -> Task:
    return await store.read(lambda reading: tasks.get(reading, task.id))


async def notes_of(store: Store, task: Task) -> str | None:
    return (await stored_task(store, task)).notes


async def positions(store: Store) -> list[int]:
    return [e.id for e in await store.read(lambda r: events.after(r, 0, limit=10_000))]


# --- changes and their events -----------------------------------------------------------------


async def test_change_and_event_are_stored_together(store: Store):
    """There is no save without its event."""
    task = await insert(store)

    await store.run(lambda tx: save_notes(tx, task, "hello"))

    found = await store.read(lambda r: events.of_task(r, task.id, position=0, limit=10))
    assert [event.type for event in found] == ["task.submitted", "task.changed"]
    assert await notes_of(store, task) == "hello"


async def test_task_that_moved_on_is_not_overwritten(store: Store):
    """A save names the status and the attempt that it saw; what is newer stays."""
    task = await insert(store)
    await store.run(lambda tx: claim(tx, task))

    with pytest.raises(Unavailable, match="changed at the same moment"):
        await store.run(lambda tx: save_notes(tx, task, "too late"))

    found = await store.read(lambda reading: tasks.get(reading, task.id))
    assert (found.status, found.notes) == (Status.IN_PROGRESS, None)


async def test_save_of_an_old_attempt_is_refused(store: Store):
    """The same status is not enough: the attempt fences."""
    task = await insert(store)
    held = await store.run(lambda tx: claim(tx, task))
    newer = replace(held, attempt=2)
    await store.run(lambda tx: tasks.save(tx, held, newer, CHANGED, ALICE))

    with pytest.raises(Unavailable):
        await store.run(lambda tx: save_notes(tx, held, "from the past"))


async def test_delete_is_guarded_too(store: Store):
    """A task that moved on is not removed."""
    task = await insert(store)
    await store.run(lambda tx: claim(tx, task))

    with pytest.raises(Unavailable):
        await store.run(lambda tx: tasks.delete(tx, task, TaskDeleted(reason="requested"), ALICE))


async def test_refused_use_case_leaves_nothing(store: Store, told: list[Committed]):
    """Whatever it wrote before it was refused is gone, and told to nobody."""

    async def act(tx: Transaction) -> None:
        await tasks.insert(tx, a_task(), SUBMITTED, ALICE)
        raise NotHolder

    with pytest.raises(NotHolder):
        await store.run(act)

    assert await positions(store) == []
    assert told == []


async def test_bug_in_a_use_case_leaves_nothing(store: Store):
    """Any exception is a rollback, and reaches the caller as it is."""

    async def act(tx: Transaction) -> None:
        await tasks.insert(tx, a_task(), SUBMITTED, ALICE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.run(act)

    assert await positions(store) == []


async def test_use_case_that_cannot_even_begin(store: Store):
    """A call that fails before there is a coroutine is the caller's error, and nobody else's."""

    def act(tx: Transaction) -> Any:
        raise TypeError("wrong arguments")

    with pytest.raises(TypeError, match="wrong arguments"):
        await store.run(act)

    assert (await insert(store)).id == 1


async def test_answer_of_a_use_case_is_its_value(store: Store):
    """Also None."""

    async def nothing(tx: Transaction) -> None:
        return None

    answer: object = await store.run(nothing)
    assert answer is None


# --- groups -----------------------------------------------------------------------------------


async def test_failing_use_case_leaves_the_others(store: Store):
    """Use cases that are carried out together do not know of each other."""

    async def refuse(tx: Transaction) -> Task:
        await tasks.insert(tx, a_task(description="refused"), SUBMITTED, ALICE)
        raise Conflict

    def act(n: int) -> Any:
        return store.run(refuse) if n % 3 == 0 else insert(store, description=f"task {n}")

    answers = await asyncio.gather(*(act(n) for n in range(60)), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    stored = [answer for answer in answers if isinstance(answer, Task)]
    assert (len(refused), len(stored)) == (20, 40)
    assert await positions(store) == list(range(1, 41))
    for task in stored:
        assert (await stored_task(store, task)).description == task.description


async def test_use_cases_see_those_before_them(store: Store):
    """In the order in which they were asked for."""
    task = await insert(store)

    async def add(tx: Transaction) -> str:
        found = await tasks.lock(tx, task.id)
        return (await save_notes(tx, found, (found.notes or "") + "x")).notes or ""

    lengths = [len(notes) for notes in await asyncio.gather(*(store.run(add) for _ in range(300)))]

    assert lengths == list(range(1, 301))


async def test_acknowledged_write_is_seen_by_the_next_read(store: Store):
    """By every reader, every time."""
    task = await insert(store)

    for n in range(50):
        found = await stored_task(store, task)
        await store.run(partial(save_notes, task=found, notes=str(n)))
        assert await notes_of(store, task) == str(n)


async def test_context_reaches_the_use_case(store: Store):
    """Each is carried out in the context of its own request."""

    async def ask(name: str) -> str:
        REQUEST.set(name)

        async def act(tx: Transaction) -> str:
            return REQUEST.get()

        return await store.run(act)

    names = [f"request-{n}" for n in range(20)]
    asked = [asyncio.create_task(ask(name)) for name in names]

    assert await asyncio.gather(*asked) == names
    assert REQUEST.get() == "none"


async def test_use_case_has_both_clocks(store: Store, clock: ManualClock):
    """The time stands still within a use case."""

    async def act(tx: Transaction) -> tuple[object, object]:
        return tx.now, tx.steady

    assert await store.run(act) == (clock.now(), clock.steady())


async def test_use_case_that_nobody_waits_for_any_more(store: Store):
    """A caller that gives up does not cut a use case in half."""
    running = asyncio.create_task(insert(store))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    await insert(store)

    assert await positions(store) == [1, 2]


# --- what is told -----------------------------------------------------------------------------


async def test_commit_is_told(store: Store, told: list[Committed]):
    """Listeners get the events in the order of their ids, and what became claimable."""
    stored = await asyncio.gather(*(insert(store, project="athena") for _ in range(5)))

    heard = [event for committed in told for event in committed.events]
    assert [event.id for event in heard] == [1, 2, 3, 4, 5]
    assert heard == await store.read(lambda r: events.after(r, 0, limit=10))
    offers = [offer for committed in told for offer in committed.ready]
    assert {(o.task_id, o.offered_to, o.project) for o in offers} == {
        (task.id, None, "athena") for task in stored
    }


async def test_answer_comes_before_or_with_what_is_told(store: Store):
    """Whoever hears of an event can read it."""
    heard: list[asyncio.Task[int]] = []

    def listen(committed: Committed) -> None:
        heard.append(asyncio.create_task(store.read(events.last_id)))
        assert committed.events

    store.on_commit(listen)
    await insert(store)

    assert await asyncio.gather(*heard) == [1]


async def test_nothing_is_told_where_nothing_happened(store: Store, told: list[Committed]):
    """A use case that only looked is no news."""

    async def look(tx: Transaction) -> None:
        await tx.fetch_all("list_keys")

    await store.run(look)

    assert told == []


# --- reads ------------------------------------------------------------------------------------


async def test_read_is_one_snapshot(store: Store):
    """What is committed during a read is not seen by it."""
    task = await insert(store)

    async def look(reading: Reading) -> list[str | None]:
        before = (await tasks.get(reading, task.id)).notes
        await store.run(lambda tx: save_notes(tx, task, "meanwhile"))
        return [before, (await tasks.get(reading, task.id)).notes]

    assert await store.read(look) == [None, None]
    assert await notes_of(store, task) == "meanwhile"


async def test_read_that_fails_harms_nobody(store: Store):
    """Its error reaches its caller, and the next reads go on."""

    async def fail(reading: Reading) -> None:
        raise TaskNotFound

    for _ in range(5):
        with pytest.raises(TaskNotFound):
            await store.read(fail)

    assert await positions(store) == []


async def test_read_that_is_cut_off_harms_nobody(store: Store):
    """A request that is torn down at any point of its read leaves the reader fit for the next."""
    task = await insert(store)

    for steps in range(30):
        reading = asyncio.create_task(notes_of(store, task))
        for _ in range(steps % 10):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    for _ in range(5):
        assert await notes_of(store, task) is None


async def test_more_readers_than_connections(store: Store):
    """They wait for each other, and all are answered."""
    task = await insert(store)

    answers = await asyncio.gather(*(notes_of(store, task) for _ in range(50)))

    assert answers == [None] * 50


# --- a life and the next ----------------------------------------------------------------------


async def test_everything_is_there_in_the_next_life(
    engine: Engine, tmp_path: Path, clock: ManualClock
):
    """What was acknowledged stays, whole and unchanged."""
    async with engine.build(tmp_path, clock) as store:
        task = await insert(store, metadata={"a": ["é", 1]}, project="athena")

    async with engine.build(tmp_path, clock) as store:
        assert await store.read(lambda reading: tasks.get(reading, task.id)) == task
        assert (await insert(store)).id == task.id + 1


async def test_closed_store_refuses(engine: Engine, tmp_path: Path, clock: ManualClock):
    """Whoever comes after the end is told so, and does not wait for ever."""
    store = engine.build(tmp_path, clock)
    async with store:
        pass

    with pytest.raises(Unavailable):
        await insert(store)
    with pytest.raises(Unavailable):
        await store.read(events.last_id)
    assert not await store.is_writable()
    await store.close()


async def test_closing_finishes_what_was_begun(engine: Engine, tmp_path: Path, clock: ManualClock):
    """What was asked before the end is still answered."""
    store = engine.build(tmp_path, clock)
    await store.open()
    asked = [asyncio.create_task(insert(store)) for _ in range(20)]
    await asyncio.sleep(0)

    await store.close()

    assert sorted(task.id for task in await asyncio.gather(*asked)) == list(range(1, 21))


async def test_store_that_works_takes_writes(store: Store):
    """And asking so changes nothing that anybody sees."""
    assert await store.is_writable()
    assert await positions(store) == []


async def test_unknown_task_is_not_locked(store: Store):
    """There must be a task to be changed."""
    with pytest.raises(TaskNotFound, match="#7"):
        await store.run(lambda tx: tasks.lock(tx, TaskId(7)))
