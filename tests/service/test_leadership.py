"""One of several replicas leads; another takes over when it is gone, and never two at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from athena.model.errors import Unavailable
from athena.model.event import SYSTEM
from athena.model.lifecycle import Status
from athena.model.pause import Pause
from athena.service.leadership import Leadership, NoLongerLeader, Role
from athena.service.services import build_services, services_of_leader
from athena.store.base import Committed, StoreUnusable
from athena.store.sqlite import SQLiteStore
from tests.service.driver import QueueDriver
from tests.service.replicas import Cluster, Replica, SharedStore
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES


@pytest.fixture
async def cluster(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Cluster]:
    async with SharedStore(ENGINES["postgres"].url(tmp_path), clock) as store:
        yield Cluster(store, clock)


@pytest.fixture
def first(cluster: Cluster) -> Replica:
    return cluster.start("first")


@pytest.fixture
def second(cluster: Cluster) -> Replica:
    return cluster.start("second")


# --- who leads --------------------------------------------------------------------------------


async def test_single_server_leads_without_asking(tmp_path: Path, clock: ManualClock):
    """On a store of one server there is nobody to ask, and nothing to write."""
    async with SQLiteStore(tmp_path / "single.db", clock) as store:
        leadership = Leadership(store, clock, replica="only")

        assert (leadership.role, leadership.is_leader) == (Role.SINGLE, True)
        assert leadership.store is store


async def test_first_who_comes_leads(first: Replica, second: Replica):
    """The other follows."""
    assert first.leadership.role is Role.FOLLOWER

    assert await first.tend()
    assert not await second.tend()

    assert (first.leadership.role, second.leadership.role) == (Role.LEADER, Role.FOLLOWER)
    assert first.leadership.term == 1


async def test_leader_that_renews_stays_leader(cluster: Cluster, first: Replica, second: Replica):
    """For ever, in the same term."""
    for _ in range(20):
        assert await first.tend()
        assert not await second.tend()
        cluster.advance(seconds=2)

    assert first.leadership.term == 1


async def test_follower_writes_nothing(cluster: Cluster, first: Replica, second: Replica):
    """It only looks."""
    await first.tend()
    written = cluster.store.writes

    await second.tend()

    assert cluster.store.writes == written


async def test_leader_that_is_gone_is_followed_by_another(
    cluster: Cluster, first: Replica, second: Replica
):
    """Not before its lease has run out, and at once then."""
    await first.tend()

    cluster.advance(seconds=6)
    assert not await second.tend()
    cluster.advance(milliseconds=1)
    assert await second.tend()

    assert second.leadership.term == 2


async def test_leader_stops_by_itself_before_another_takes_over(
    cluster: Cluster, first: Replica, second: Replica
):
    """By its own clock, without asking anybody."""
    await first.tend()
    cluster.store.is_away = True

    cluster.advance(seconds=4.999)
    assert first.leadership.is_leader
    cluster.advance(milliseconds=1)

    assert not first.leadership.is_leader
    cluster.store.is_away = False
    assert not await second.tend()


async def test_lease_counts_from_before_it_was_asked_for(first: Replica):
    """However long the answer was on its way."""
    claim = first.leadership._renew_or_take  # the seam where the answer takes its time

    async def slow() -> int | None:
        term = await claim()
        first.clock.advance(timedelta(seconds=4.9))
        return term

    first.leadership._renew_or_take = slow  # type: ignore[method-assign]
    await first.tend()

    first.clock.advance(timedelta(seconds=0.1))

    assert not first.leadership.is_leader


async def test_leader_that_resigns_is_followed_at_once(first: Replica, second: Replica):
    """As at an orderly stop."""
    await first.tend()

    await first.leadership.resign()

    assert not first.leadership.is_leader
    assert await second.tend()
    assert second.leadership.term == 2


async def test_resigning_without_a_store_is_no_trouble(cluster: Cluster, first: Replica):
    """The lease runs out by itself then."""
    await first.tend()
    cluster.store.is_away = True

    await first.leadership.resign()

    assert not first.leadership.is_leader


async def test_late_resignation_costs_nobody_his_lead(
    cluster: Cluster, first: Replica, second: Replica
):
    """Who has lost it without noticing has nothing to give up."""
    await first.tend()
    cluster.awake.remove(first)  # asleep: its clock stands still
    cluster.advance(seconds=7)
    await second.tend()

    await first.leadership.resign()

    assert await second.tend()
    assert second.leadership.term == 2


async def test_leader_takes_its_own_lease_anew(cluster: Cluster, first: Replica):
    """Who believes to have lost it begins a new reign, and does not wait for itself."""
    await first.tend()
    first.clock.advance(timedelta(seconds=5))
    assert not first.leadership.is_leader

    assert await first.tend()

    assert first.leadership.term == 2


async def test_store_that_hangs_is_not_waited_for(
    cluster: Cluster, first: Replica, monkeypatch: pytest.MonkeyPatch
):
    """There must be time to try again before the lease runs out."""
    monkeypatch.setattr("athena.service.leadership._PATIENCE_SECONDS", 0.01)  # instead of 1.5

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(cluster.store, "read", hang)

    with pytest.raises(Unavailable, match="in time"):
        await first.tend()


# --- waiting for it ---------------------------------------------------------------------------


async def test_gain_and_loss_are_waited_for(cluster: Cluster, first: Replica, second: Replica):
    """Both are told as they happen."""
    await first.tend()
    gained = asyncio.create_task(second.leadership.until_gained())
    lost = asyncio.create_task(first.leadership.until_lost(1))

    await first.leadership.resign()
    await lost
    await second.tend()

    assert await gained == 2


async def test_new_term_ends_the_one_before(first: Replica):
    """What was begun for the old one is begun anew."""
    await first.tend()
    first.clock.advance(timedelta(seconds=5))
    await first.tend()

    async with asyncio.timeout(30):
        await first.leadership.until_lost(1)


async def test_lease_that_runs_out_is_noticed(first: Replica):
    """Also where nothing else happens."""
    await first.tend()
    lost = asyncio.create_task(first.leadership.until_lost(1))

    first.clock.advance(timedelta(seconds=5))

    async with asyncio.timeout(30):
        await lost


# --- a leader that slept ----------------------------------------------------------------------


async def asleep_and_replaced(cluster: Cluster, first: Replica, second: Replica) -> None:
    """The first leads, and sleeps until the second has taken over; it has not noticed."""
    await first.tend()
    cluster.awake.remove(first)
    cluster.advance(seconds=7)
    assert await second.tend()
    assert first.leadership.is_leader


async def test_leader_that_slept_writes_nothing(cluster: Cluster, first: Replica, second: Replica):
    """Its term is over, and it learns so from the store."""
    await asleep_and_replaced(cluster, first, second)
    services = build_services(
        cluster.store, cluster.clock, lease=timedelta(hours=2), max_attempts=3, version="0"
    )
    of_first = services_of_leader(replace(services, leadership=first.leadership), max_attempts=3)

    with pytest.raises(NoLongerLeader):
        await of_first.queue.pause(Pause(), by=SYSTEM)

    assert not first.leadership.is_leader
    assert not (await services.queue.pauses()).items


async def test_leader_that_slept_with_everybody_else_writes_nothing(
    cluster: Cluster, first: Replica
):
    """Nobody took over, but its lease has run out in the store: it must be renewed first."""
    await first.tend()
    cluster.clock.advance(timedelta(hours=1))

    with pytest.raises(NoLongerLeader):
        await first.leadership.store.run(fail_if_run)

    assert await first.tend()
    assert first.leadership.term == 2


async def fail_if_run(_: object) -> None:
    raise AssertionError("this must not be carried out")


async def test_follower_does_not_even_ask(cluster: Cluster, first: Replica):
    """Whoever knows that it does not lead leaves the store alone."""
    written = cluster.store.writes

    with pytest.raises(NoLongerLeader):
        await first.leadership.store.run(fail_if_run)

    assert cluster.store.writes == written


async def test_store_of_the_leader_is_the_store(cluster: Cluster, first: Replica, tmp_path: Path):
    """In all that writes nothing; it is opened and closed by whom it belongs to."""
    await first.tend()
    store, told = first.leadership.store, list[Committed]()
    store.on_commit(told.append)
    queue = QueueDriver(cluster.store, cluster.clock)

    async with store:
        await queue.submit()
        await store.check_for_foreign_writes()
        await store.tidy()
        assert await store.is_writable()
        with pytest.raises(StoreUnusable, match="pg_dump"):
            await store.backup(tmp_path / "copy")
    await queue.submit()

    assert store.is_shared
    assert [event.type for committed in told for event in committed.events] == [
        "task.submitted"
    ] * 2


# --- leases of tasks --------------------------------------------------------------------------


@pytest.fixture
def queue(cluster: Cluster) -> QueueDriver:
    return QueueDriver(cluster.store, cluster.clock)


async def lease_left(queue: QueueDriver, task_id: int) -> timedelta:
    (task,) = [one for one in await queue.listed(Status.IN_PROGRESS) if one.id == task_id]
    assert task.lease_expires_at is not None
    return task.lease_expires_at - queue.clock.now()


async def test_takeover_gives_no_fresh_leases(
    cluster: Cluster, queue: QueueDriver, first: Replica, second: Replica
):
    """Holders could renew all the time: a dead one is to be noticed as soon as ever."""
    await first.tend()
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))

    cluster.advance(seconds=7)
    await second.tend()

    assert await lease_left(queue, task.id) == timedelta(seconds=53)


@pytest.mark.parametrize("name", ["first", "second"])
async def test_outage_gives_every_holder_a_fresh_lease(
    cluster: Cluster, queue: QueueDriver, first: Replica, second: Replica, name: str
):
    """Nobody could have renewed meanwhile; whoever leads next, be it the same as before."""
    await first.tend()
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))

    cluster.advance(seconds=15.001)
    await {"first": first, "second": second}[name].tend()

    assert await lease_left(queue, task.id) == timedelta(minutes=1)


@pytest.mark.parametrize("hours", [5, -5])
async def test_step_of_the_stores_clock_frees_nobody_and_keeps_nobody(
    cluster: Cluster, queue: QueueDriver, first: Replica, hours: int
):
    """The leader notices that time has jumped, and every lease begins anew."""
    await first.tend()
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))

    cluster.clock.advance(timedelta(hours=hours))
    assert await first.tend()

    assert await lease_left(queue, task.id) == timedelta(minutes=1)
