"""Moving a store: everything, exactly, into an empty one, or nothing at all."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from athena.model.errors import TaskNotFound
from athena.model.text import milliseconds
from athena.service.portable import NotPortable
from athena.service.transfer import CannotImport, Transfer, check, tally_of
from athena.store import leadership, transfer
from athena.store.base import Store, Transaction, Value
from athena.store.transfer import TABLES
from tests.service.driver import QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES
from tests.store.everything import everything_in, fill

TASKS, INSTANCES = (next(t for t in TABLES if t.name == name) for name in ("tasks", "instances"))
PAIRS = list(product(sorted(ENGINES), repeat=2))


def silent(_table: str, _rows: int) -> None:
    """Nobody is told how far it is."""


@pytest.fixture(params=PAIRS, ids=" to ".join)
async def stores(
    request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[tuple[Store, Store]]:
    """Two empty ones, of each engine to each."""
    here, there = (ENGINES[name] for name in request.param)
    async with (
        here.build(tmp_path / "here", clock) as source,
        there.build(tmp_path / "there", clock) as target,
    ):
        yield source, target


async def exported(store: Store) -> io.BytesIO:
    file = io.BytesIO()
    await Transfer(store, version="0").export(file, silent)
    return file


async def imported(store: Store, file: io.BytesIO) -> None:
    await Transfer(store, version="0").import_(file, silent)


# --- everything -------------------------------------------------------------------------------


@pytest.mark.slow
async def test_everything_arrives_as_it_was(stores: tuple[Store, Store]):
    """Every row of every table, whatever is in it, from either engine to either, and back."""
    source, target = stores
    await fill(source, tasks=2_000)

    await imported(target, await exported(source))

    assert await everything_in(target) == await everything_in(source)


async def test_file_does_not_depend_on_the_engine(stores: tuple[Store, Store]):
    """The same rows are the same lines; only where leases run out is told anew."""
    source, target = stores
    await fill(source, tasks=60)
    file = await exported(source)

    await imported(target, file)

    assert without_leases(await exported(target)) == without_leases(file)


def without_leases(file: io.BytesIO) -> list[bytes]:
    """The lines that do not change when held tasks get a fresh lease, and say no origin."""
    follow = (b'{"athena_export"', b'{"end":"tasks"', b'{"end":"export"')
    lines = file.getvalue().splitlines()
    return [line for line in lines if b'"in_progress"' not in line and not line.startswith(follow)]


async def test_every_character_arrives(stores: tuple[Store, Store]):
    """All of Unicode but NUL and the surrogates, which are characters to nobody."""
    source, target = stores
    everything = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x110000)]))
    facts: dict[str, Value] = dict.fromkeys(("priority", "attempt", "failures", "unmet"), 0)
    facts |= dict.fromkeys(("dependencies", "created_at", "updated_at", "completed_at"), 0)
    facts |= dict.fromkeys(("project", "target", "created_via", "submitter"), "")
    facts |= {"id": 1, "description": "x", "status": "completed", "max_attempts": 1}
    facts |= {"metadata": "{}", "notes": everything}
    row = [facts.get(column) for column in TASKS.columns]
    await source.run(lambda tx: transfer.insert(tx, TASKS, [row]))
    await source.run(lambda tx: transfer.set_id_counters(tx, {"tasks": 1}))

    await imported(target, await exported(source))

    (arrived,) = await target.read(lambda reading: transfer.page(reading, TASKS, after=None))
    assert arrived[TASKS.columns.index("notes")] == everything


async def test_queue_goes_on_in_its_new_store(stores: tuple[Store, Store], clock: ManualClock):
    """Keys open, holders hold, lanes and dependencies stand, pauses are in force."""
    here, there = (QueueDriver(store, clock) for store in stores)
    first = await here.submit("first", lane="one")
    await here.submit("second", lane="one")
    await here.submit("third", depends_on=[first])
    await here.submit("fourth", project="asleep")
    await here.pause(project="asleep")
    key = await here.services.keys.ensure_first(None)
    held = await here.claim_next("pi")
    assert held is not None

    await imported(there.store, await exported(here.store))

    assert key is not None
    assert await there.services.keys.authenticate(key.secret) == key.key
    assert await there.claim_next("mac") is None
    await there.complete(held, by="pi")
    now = [await there.claim_next("mac"), await there.claim_next("mac")]
    assert [task.description for task in now if task] == ["second", "third"]
    assert await there.claim_next("mac") is None


# --- ids --------------------------------------------------------------------------------------


async def test_ids_of_deleted_tasks_are_not_given_again(
    stores: tuple[Store, Store], clock: ManualClock
):
    """What was deleted last has left no row; its id is remembered all the same."""
    here, there = (QueueDriver(store, clock) for store in stores)
    await here.submit("stays")
    gone = await here.submit("goes")
    await here.cancel(gone)
    await here.delete(gone)

    await imported(there.store, await exported(here.store))
    new = await there.submit("comes")

    assert new.id == gone.id + 1
    with pytest.raises(TaskNotFound):
        await there.services.tasks.get(gone.id)


async def test_ids_of_an_empty_store_are_remembered(
    stores: tuple[Store, Store], clock: ManualClock
):
    """Also where nothing is left at all, as the events were removed by age."""
    source, target = stores
    await source.run(lambda tx: transfer.set_id_counters(tx, {"tasks": 41, "events": 6}))

    await imported(target, await exported(source))
    task = await QueueDriver(target, clock).submit("next")

    assert task.id == 42
    counters = await target.read(transfer.id_counters)
    assert (counters["tasks"], counters["events"]) == (42, 7)


# --- leases -----------------------------------------------------------------------------------


async def test_held_tasks_get_a_fresh_lease(stores: tuple[Store, Store]):
    """A deadline means nothing on another machine's steady clock."""
    source, target = stores
    await fill(source, tasks=60)

    await imported(target, await exported(source))

    async def left(tx: Transaction) -> list[bool]:
        rows = await transfer.page(tx, TASKS, after=None)
        deadline = TASKS.columns.index("lease_deadline")
        deadlines = [row[deadline] for row in rows if row[deadline] is not None]
        return [int(at) > milliseconds(tx.steady) for at in deadlines if at is not None]

    assert await target.run(left) == [True] * 5


# --- one moment -------------------------------------------------------------------------------


async def test_export_is_of_one_moment(store: Store, clock: ManualClock):
    """Others go on meanwhile; each task is there with its event, or neither."""
    queue = QueueDriver(store, clock)
    for number in range(30):
        await queue.submit(str(number))

    went_on = asyncio.Event()

    async def go_on() -> None:
        while True:
            await queue.submit("meanwhile")
            went_on.set()

    others = asyncio.create_task(go_on())
    files = []
    try:
        for _ in range(5):
            files.append(await exported(store))
            went_on.clear()
            await went_on.wait()
    finally:
        others.cancel()
        await asyncio.gather(others, return_exceptions=True)

    for file in files:
        tallies = check(file).tallies
        assert tallies["tasks"].rows == tallies["events"].rows
    assert files[0].getvalue() != files[-1].getvalue()


# --- refusals ---------------------------------------------------------------------------------


async def test_store_that_was_used_is_refused(stores: tuple[Store, Store], clock: ManualClock):
    """Also one with nothing but the key of its first start: two of a kind would be mixed."""
    source, target = stores
    await fill(source, tasks=20)
    await QueueDriver(target, clock).services.keys.ensure_first(None)
    before = await everything_in(target)

    with pytest.raises(CannotImport, match="not empty"):
        await imported(target, await exported(source))

    assert await everything_in(target) == before


async def test_store_that_is_served_is_refused(store: Store):
    """A replica that was seen a moment ago would not notice."""
    file = await exported(store)
    await store.run(lambda tx: leadership.take(tx, "replica-1", term=1))

    with pytest.raises(CannotImport, match="replica-1"):
        await imported(store, file)


async def test_damaged_file_changes_nothing(stores: tuple[Store, Store]):
    """The store stays empty, and takes the right file afterwards."""
    source, target = stores
    await fill(source, tasks=20)
    file = await exported(source)

    with pytest.raises(NotPortable):
        await imported(target, io.BytesIO(file.getvalue()[:-100]))

    assert await target.read(transfer.find_filled) is None
    await imported(target, file)


async def test_import_that_is_given_up_is_taken_back(stores: tuple[Store, Store]):
    """Whoever presses ^C finds the store empty, and not full some minutes later."""
    source, target = stores
    await fill(source, tasks=300)
    file = await exported(source)
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def give_up(_table: str, _rows: int) -> None:
        loop.call_soon_threadsafe(importing.cancel)
        if threading.current_thread() is not threading.main_thread():
            assert ended.wait(30)

    importing = asyncio.create_task(Transfer(target, version="0").import_(file, give_up))
    importing.add_done_callback(lambda _: ended.set())
    with pytest.raises(asyncio.CancelledError):
        await importing

    assert await target.run(transfer.find_filled) is None


async def test_what_reads_back_differently_is_taken_back(clock: ManualClock, tmp_path: Path):
    """It is compared before it counts: here with a trigger that changes what is written."""
    sqlite = ENGINES["sqlite"]
    async with sqlite.build(tmp_path / "source", clock) as source:
        await fill(source, tasks=20)
        file = await exported(source)
    path = tmp_path / "target" / "tasks.db"
    async with sqlite.build(path.parent, clock) as target:
        execute(
            path,
            "CREATE TRIGGER spoil AFTER INSERT ON instances BEGIN "
            "UPDATE instances SET slots = 99 WHERE slug = new.slug AND slug = 'a.b'; END",
        )

        with pytest.raises(CannotImport, match="instances reads back differently"):
            await imported(target, file)

        assert await target.read(transfer.find_filled) is None


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [("name", "a\x00b", "NUL"), ("health", "\x00", "NUL")],
)
async def test_what_not_every_engine_can_hold_is_not_exported(
    clock: ManualClock, tmp_path: Path, column: str, value: str, fault: str
):
    """Nothing is changed silently: the row is named."""
    async with ENGINES["sqlite"].build(tmp_path, clock) as store:
        facts: dict[str, Value] = {"slug": "pi", "labels": "[]", "health": "{}"}
        facts |= dict.fromkeys(("first_seen", "last_seen"), 0)
        facts |= {"online": 0, column: value}
        row = [facts.get(name) for name in INSTANCES.columns]
        await store.run(lambda tx: transfer.insert(tx, INSTANCES, [row]))

        with pytest.raises(NotPortable, match=f"'pi' holds a {fault}"):
            await exported(store)


async def test_table_is_tallied_as_the_file_tallies_it(store: Store):
    """The count and the checksum of a table can be had without a file."""
    await fill(store, tasks=20)

    tallies = check(await exported(store)).tallies

    for table in TABLES:
        assert await store.read(partial(tally_of, table=table)) == tallies[table.name]
