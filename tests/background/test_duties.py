"""Duties: each does its one thing when it is run, and the loop outlives every failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from athena.background.housekeeping import KeyUseDuty, NewsDuty, PresenceDuty, RetentionDuty
from athena.background.leases import LeaseDuty
from athena.background.loop import run_forever
from athena.model.errors import Unavailable
from athena.model.key import Scope
from athena.model.lifecycle import Status
from athena.store.base import Store
from tests.service.driver import ALICE, QueueDriver, once
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES, Engine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return ENGINES[request.param]


@pytest.fixture
async def store(engine: Engine, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with engine.build(tmp_path, clock) as store:
        yield store


@pytest.fixture
async def queue(store: Store, clock: ManualClock) -> QueueDriver:
    return QueueDriver(store, clock)


# --- each by itself ---------------------------------------------------------------------------


async def test_lease_duty_frees_and_promotes(queue: QueueDriver, clock: ManualClock):
    """What ran out is pending, what is due is ready."""
    held = await queue.claimed_by("pi", lease=timedelta(seconds=1))
    scheduled = await queue.submit(not_before=clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))

    await LeaseDuty(queue.services.sweeping).run_once()

    assert await queue.status_of(held) is Status.PENDING
    assert await queue.next_for("pi") == held.id
    assert (await queue.story_of(scheduled))[-1] == "ready"


async def test_presence_duty_notes_silence(queue: QueueDriver, clock: ManualClock):
    """Instances that fall silent go offline."""
    await queue.announce("pi")
    clock.advance(timedelta(minutes=4))

    await PresenceDuty(queue.services.instances).run_once()

    assert (await queue.log())[-1].type == "instance.offline"


async def test_key_use_duty_writes_uses_down(queue: QueueDriver):
    """When keys were last used stands in the store."""
    keys = queue.services.keys
    made = await keys.create(name="laptop", scopes=frozenset({Scope.READ}), by=ALICE)
    await keys.authenticate(made.secret)

    await KeyUseDuty(keys).run_once()

    assert (await keys.list())[0].last_used_at is not None


async def test_news_duty_notices_other_processes(
    queue: QueueDriver, clock: ManualClock, engine: Engine, tmp_path: Path
):
    """What a command wrote beside us reaches the feed."""
    async with engine.visit(tmp_path, clock) as visitor:
        await QueueDriver(visitor, clock).submit()

    await NewsDuty(queue.services.feed).run_once()

    assert queue.services.feed.position == 1


async def test_retention_duty_removes_what_is_too_old(queue: QueueDriver, clock: ManualClock):
    """Old ends, and answers that nobody can ask for any more."""
    await queue.cancel(await queue.submit(once=once()))
    clock.advance(timedelta(days=91))

    await RetentionDuty(queue.services.sweeping, timedelta(days=90)).run_once()

    assert await queue.listed() == []
    assert (await queue.submit(once=once())).id == 2


async def test_retention_that_is_off_removes_nothing(queue: QueueDriver, clock: ManualClock):
    """Then everything is kept, for ever."""
    task = await queue.ended(Status.COMPLETED)
    clock.advance(timedelta(days=10_000))

    await RetentionDuty(queue.services.sweeping, None).run_once()

    assert [one.id for one in await queue.listed()] == [task.id]


async def test_duties_come_often_enough(queue: QueueDriver, clock: ManualClock):
    """Expired tasks are pending within a second, and foreign writes are noticed as soon."""
    second = timedelta(seconds=1)

    assert LeaseDuty(queue.services.sweeping).every < second
    assert NewsDuty(queue.services.feed).every <= second


# --- the loop ---------------------------------------------------------------------------------


@dataclass
class Unsteady:
    """A duty that fails as it is told, and counts its runs."""

    failures: list[BaseException]
    name: str = "unsteady"
    every: timedelta = timedelta(milliseconds=1)
    runs: int = 0
    well: asyncio.Event = field(default_factory=asyncio.Event)

    async def run_once(self) -> None:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        self.well.set()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loop's pauses, which are noted and cost no time."""
    noted: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        noted.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    return noted


async def test_loop_outlives_every_failure(pauses: list[float]):
    """A store that is away is told of once, a bug each time; and the next run comes."""
    disk_full = Unavailable("disk full")
    duty = Unsteady([disk_full, disk_full, ZeroDivisionError("bug")])

    with capture_logs() as logs:
        running = asyncio.create_task(run_forever(duty))
        await duty.well.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert [(log["event"], log["log_level"]) for log in logs] == [
        ("duty waits", "warning"),
        ("duty failed", "error"),
    ]
    assert (logs[0]["duty"], logs[0]["reason"]) == ("unsteady", "disk full")
    assert logs[1]["exc_info"] is True
    assert pauses[:3] == [5.0, 5.0, 5.0]


async def test_loop_outlives_a_cancellation_that_nobody_asked_for(pauses: list[float]):
    """A library may leak one of its own; a duty that ended by it would never be done again."""
    duty = Unsteady([asyncio.CancelledError()])

    with capture_logs() as logs:
        running = asyncio.create_task(run_forever(duty))
        async with asyncio.timeout(30):
            await duty.well.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert [log["event"] for log in logs] == ["duty was cut off"]


async def test_loop_pauses_between_runs(pauses: list[float]):
    """As long as the duty wants."""
    duty = Unsteady([])

    running = asyncio.create_task(run_forever(duty))
    await duty.well.wait()
    await asyncio.wait_for(_until(lambda: duty.runs >= 3), timeout=30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert set(pauses) == {0.001}


async def _until(condition: Callable[[], bool]) -> None:
    tick = asyncio.Event()
    while not condition():
        asyncio.get_running_loop().call_soon(tick.set)
        await tick.wait()
        tick.clear()


@dataclass
class Deaf:
    """A duty that swallows a cancellation, as libraries have done."""

    name: str = "deaf"
    every: timedelta = timedelta(milliseconds=1)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def run_once(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Unavailable("in other words") from None


async def test_loop_ends_also_where_a_duty_swallows_it():
    """It does not go on for ever beside its successor."""
    duty = Deaf()
    running = asyncio.create_task(run_forever(duty))
    await duty.begun.wait()

    running.cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(running, return_exceptions=True)


async def test_loop_ends_when_it_is_told_to():
    """A cancellation is no failure."""
    duty = Unsteady([], every=timedelta(hours=1))
    running = asyncio.create_task(run_forever(duty))
    await duty.well.wait()

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
