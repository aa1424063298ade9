"""What only the leader does begins and ends with its reign, again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from athena.background.leading import LeadershipDuty, Reign
from athena.model.errors import Unavailable
from tests.service.replicas import Replica, SharedStore
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES

DEADLINE_SECONDS = 30.0


@dataclass
class Parts:
    """Something that is to run on the leader alone; its first starts may fail."""

    failures: int = 0
    error: Exception = field(default_factory=lambda: ZeroDivisionError("bug"))
    begun: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, stack: AsyncExitStack) -> None:
        self.note("begun")
        stack.callback(self.note, "ended")
        if self.failures:
            self.failures -= 1
            raise self.error

    def note(self, what: str) -> None:
        self.begun.append(what)
        self.changed.set()

    async def until(self, *story: str) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.begun != list(story):
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SharedStore]:
    async with SharedStore(ENGINES["postgres"].url(tmp_path), ManualClock()) as store:
        yield store


@pytest.fixture
def replica(store: SharedStore) -> Replica:
    return Replica(store, "first")


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
async def reign(replica: Replica, parts: Parts) -> AsyncIterator[Reign]:
    reign = Reign(replica.leadership, parts.begin)
    yield reign
    await reign.stop()


async def test_leader_has_begun_before_anything_is_served(
    replica: Replica, reign: Reign, parts: Parts
):
    """Nothing that is submitted right after the start is missed."""
    await replica.tend()

    await reign.start()

    assert parts.begun == ["begun"]


async def test_follower_begins_when_its_turn_comes(replica: Replica, reign: Reign, parts: Parts):
    """And not before."""
    await reign.start()
    assert parts.begun == []

    await replica.tend()

    await parts.until("begun")


async def test_lost_leadership_ends_everything_and_the_next_begins_it(
    replica: Replica, reign: Reign, parts: Parts
):
    """As often as it changes hands."""
    await replica.tend()
    await reign.start()

    replica.clock.advance(timedelta(seconds=5))
    await parts.until("begun", "ended")
    await replica.tend()
    await parts.until("begun", "ended", "begun")


async def test_stop_ends_everything(replica: Replica, reign: Reign, parts: Parts):
    """In order, and may be repeated."""
    await replica.tend()
    await reign.start()

    await reign.stop()
    await reign.stop()

    assert parts.begun == ["begun", "ended"]


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), Unavailable("away")])
async def test_failed_beginning_is_cleared_away_and_tried_again(
    replica: Replica,
    reign: Reign,
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
):
    """Whatever it was; the start of the server does not hang meanwhile."""
    monkeypatch.setattr("athena.background.leading._AFTER_A_FAILURE_SECONDS", 0)
    parts.failures, parts.error = 1, error
    await replica.tend()

    with capture_logs() as logs:
        await reign.start()
        await parts.until("begun", "ended", "begun")

    assert "leading failed, and begins anew" in [log["event"] for log in logs]


async def test_duty_outlives_a_store_that_is_away(store: SharedStore, replica: Replica):
    """It is said once, and looked after more often than leases run out."""
    duty = LeadershipDuty(replica.leadership)
    await duty.run_once()
    store.is_away = True

    with capture_logs() as logs:
        await duty.run_once()
        await duty.run_once()

    assert [log["event"] for log in logs] == ["leadership cannot be renewed"]
    assert duty.every <= timedelta(seconds=2)
    store.is_away = False
    replica.clock.advance(timedelta(seconds=5))
    await duty.run_once()
    assert replica.leadership.is_leader
