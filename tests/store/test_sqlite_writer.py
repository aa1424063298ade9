"""What the one writer does when the disk, a neighbour, or a use case misbehaves (SQLite only).

The tests reach for the writer's own connection to bring about what a disk does by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from athena.model.errors import AthenaError, Unavailable
from athena.model.task import Task
from athena.store import events, sqlite_files, tasks
from athena.store.base import Committed, Store, Transaction
from athena.store.sqlite import SQLiteStore
from athena.store.sqlite_batches import Batches
from athena.store.sqlite_transaction import as_unavailable
from athena.store.sqlite_writer import SQLiteWriter
from tests.store.clock import ManualClock
from tests.store.samples import ALICE, SUBMITTED, a_task, insert

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
async def store(path: Path, clock: ManualClock) -> AsyncIterator[SQLiteStore]:
    async with SQLiteStore(path, clock) as store:
        yield store


async def on_the_writer(store: SQLiteStore, act: Callable[[sqlite3.Connection], T]) -> T:
    assert store._writer is not None
    return await store._writer.call(act)


async def pragma(store: SQLiteStore, setting: str) -> object:
    return await on_the_writer(store, lambda c: c.execute(f"PRAGMA {setting}").fetchone())


async def number_of_tasks(store: Store) -> int:
    async def count(reading):
        return len(await reading.fetch_all("events_after", {"after": 0, "limit": 10_000}))

    return await store.read(count)


# --- the disk ---------------------------------------------------------------------------------


async def test_full_disk_refuses_and_recovers(store: SQLiteStore):
    """Writes are refused while the disk is full, reads go on, and no restart is needed after."""
    task = await insert(store)
    pages = await on_the_writer(store, lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await pragma(store, f"max_page_count = {pages}")

    asked = (insert(store, description="x" * 20_000) for _ in range(40))
    answers = await asyncio.gather(*asked, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    stored = [answer for answer in answers if isinstance(answer, Task)]
    assert len(refused) + len(stored) == 40
    assert refused
    assert await number_of_tasks(store) == 1 + len(stored)
    assert await store.read(lambda r: tasks.get(r, task.id)) == task
    await pragma(store, "max_page_count = 1000000")
    assert (await insert(store)).id == 2 + len(stored)


async def test_disk_that_takes_no_writes(store: SQLiteStore):
    """503 and not ready; then ready again."""
    await pragma(store, "query_only = ON")
    with pytest.raises(Unavailable, match="SQLITE_READONLY"):
        await insert(store)
    assert not await store.is_writable()

    await pragma(store, "query_only = OFF")

    assert await store.is_writable()
    await insert(store)


async def test_neighbour_that_holds_the_file(store: SQLiteStore, path: Path):
    """While another process writes for too long, everybody is told to try again."""
    await pragma(store, "busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as neighbour:
        neighbour.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="SQLITE_BUSY"):
            await insert(store)
        assert await store.read(events.last_id) == 0
        neighbour.execute("ROLLBACK")

    await insert(store)


async def test_transaction_that_sqlite_ends_by_itself(store: SQLiteStore):
    """Where the whole group was rolled back below it, everybody in the group is told so."""
    told: list[Committed] = []
    store.on_commit(told.append)

    async def lose_everything(tx: Transaction) -> None:
        # What an I/O error does: the transaction is gone before the error comes.
        connection = tx._connection  # type: ignore[attr-defined]
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("DELETE FROM events")

    async def restore(connection: SQLiteStore) -> None:
        await pragma(connection, "query_only = OFF")

    first = asyncio.create_task(insert(store))
    lost = asyncio.create_task(store.run(lose_everything))
    answers = await asyncio.gather(first, lost, return_exceptions=True)
    await restore(store)

    assert [type(answer) for answer in answers[1:]] == [Unavailable]
    acknowledged = [answer for answer in answers if isinstance(answer, Task)]
    assert await number_of_tasks(store) == len(acknowledged)
    assert sum(len(committed.events) for committed in told) == len(acknowledged)


@pytest.mark.parametrize(
    ("name", "passing"),
    [
        ("SQLITE_BUSY", True),
        ("SQLITE_FULL", True),
        ("SQLITE_IOERR", True),
        ("SQLITE_IOERR_FSYNC", True),
        ("SQLITE_CORRUPT", True),
        ("SQLITE_CONSTRAINT_CHECK", False),
        ("SQLITE_ERROR", False),
    ],
)
def test_which_errors_may_pass(name: str, passing: bool):
    """Those of the disk and of neighbours are 503; those of our own making are bugs."""
    error = sqlite3.OperationalError("some words")
    error.sqlite_errorcode = getattr(sqlite3, name)
    error.sqlite_errorname = name

    refusal = as_unavailable(error)

    assert (refusal is not None) == passing
    if refusal is not None:
        assert name in refusal.detail


def test_error_without_a_code_is_a_bug():
    """As sqlite3 raises for a wrong number of parameters."""
    assert as_unavailable(sqlite3.ProgrammingError("wrong")) is None


async def test_bug_in_a_statement_is_no_excuse(store: SQLiteStore):
    """It is not dressed up as a passing trouble, in a use case or a reading."""

    async def act(tx: Transaction) -> None:
        await tx.fetch_all("no_such_statement")

    with pytest.raises(KeyError):
        await store.run(act)
    with pytest.raises(sqlite3.OperationalError):
        await on_the_writer(store, lambda c: c.execute("SELECT * FROM nothing"))
    with pytest.raises(ZeroDivisionError):
        await on_the_writer(store, lambda _: 1 // 0)
    await insert(store)


async def test_broken_reading_is_refused(store: SQLiteStore, path: Path):
    """A store whose pages cannot be read answers 503, and keeps its readers."""
    await insert(store)
    await store.tidy()
    whole = _bytes_of(path)
    _write(path, whole[:4096])

    for _ in range(3):
        with pytest.raises((Unavailable, sqlite3.DatabaseError)):
            await store.read(lambda r: r.fetch_all("list_keys"))

    _write(path, whole)
    assert await store.read(events.last_id) == 1


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def _write(path: Path, contents: bytes) -> None:
    with path.open("r+b") as file:
        file.write(contents)
        file.truncate()


# --- use cases that misbehave -----------------------------------------------------------------


async def test_use_case_that_awaits_something_foreign(store: SQLiteStore):
    """No network call can sit inside a transaction: it is rolled back, and raises."""

    async def act(tx: Transaction) -> None:
        await tasks.insert(tx, a_task(), SUBMITTED, ALICE)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaited something other than its transaction"):
        await store.run(act)

    assert await number_of_tasks(store) == 0
    await insert(store)


async def test_foreign_await_harms_nobody_beside_it(store: SQLiteStore):
    """The others of its group are carried out."""

    async def act(tx: Transaction) -> None:
        await asyncio.sleep(1)

    answers = await asyncio.gather(
        insert(store), store.run(act), insert(store), return_exceptions=True
    )

    assert [isinstance(answer, Task) for answer in answers] == [True, False, True]


async def test_calls_and_use_cases_take_turns(store: SQLiteStore):
    """What is done with the bare connection comes between two groups, in its turn."""
    seen: list[int] = []

    def look(connection: sqlite3.Connection) -> None:
        assert not connection.in_transaction
        seen.append(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])

    asked = []
    for _ in range(10):
        asked += [insert(store), on_the_writer(store, look)]
    await asyncio.gather(*asked)

    assert seen == list(range(1, 11))


async def test_more_use_cases_than_a_group_takes(store: SQLiteStore):
    """Groups are bounded; all are carried out."""
    await asyncio.gather(*(insert(store) for _ in range(600)))

    assert await number_of_tasks(store) == 600


async def test_caller_that_left_gets_no_answer_and_others_do(store: SQLiteStore):
    """An answer for nobody is dropped; errors, too."""

    async def refuse(tx: Transaction) -> None:
        raise AthenaError

    left = [asyncio.create_task(insert(store)), asyncio.create_task(store.run(refuse))]
    stays = asyncio.create_task(insert(store))
    await asyncio.sleep(0)
    for one in left:
        one.cancel()

    await stays
    gone = await asyncio.gather(*left, return_exceptions=True)

    assert all(isinstance(answer, asyncio.CancelledError) for answer in gone)
    assert await number_of_tasks(store) == 2


def test_loop_that_has_gone(path: Path, clock: ManualClock):
    """A process that ends in the middle leaves a thread that ends, too."""
    sqlite_files.prepare(path)
    go_on = threading.Event()
    writers: list[SQLiteWriter] = []

    async def slow(tx: Transaction) -> None:
        go_on.wait(30)

    async def leave() -> None:
        writer = SQLiteWriter(
            path, statements={}, batches=Batches({}), clock=clock, tell=lambda _: None
        )
        writers.append(writer)
        running = asyncio.create_task(writer.run(slow))
        await asyncio.sleep(0)
        running.cancel()

    asyncio.run(leave())
    go_on.set()

    (writer,) = writers
    writer._queue.put(None)
    writer._thread.join(30)
    assert not writer._thread.is_alive()
