"""Whether Athena is well, and which part is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from athena.service.health import Health
from athena.service.leadership import Leadership, Role
from athena.store.sqlite import SQLiteStore
from tests.store.clock import ManualClock


class Disk(SQLiteStore):
    """A store on a disk that can be out of order."""

    takes_writes = True
    hangs = False
    asked = 0

    async def is_writable(self) -> bool:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        return self.takes_writes and await super().is_writable()


@pytest.fixture
async def disk(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Disk]:
    async with Disk(tmp_path / "tasks.db", clock) as store:
        yield store


@pytest.fixture
def health(disk: Disk, clock: ManualClock) -> Health:
    return health_of(disk, clock)


def health_of(store: SQLiteStore, clock: ManualClock) -> Health:
    leadership = Leadership(store, clock, replica="pi-1")
    return Health(store, clock, leadership, version="1.2.3")


async def test_everything_is_well(health: Health, clock: ManualClock):
    """Version, time since the start, and each part."""
    clock.advance(timedelta(seconds=90))

    report = await health.report()

    assert (report.status, report.version, report.uptime_seconds) == ("ok", "1.2.3", 90.0)
    assert (report.database, report.discord) == ("ok", "disabled")
    assert (report.role, report.replica) == (Role.SINGLE, None)


async def test_disk_that_takes_no_writes(health: Health, disk: Disk, clock: ManualClock):
    """Athena is alive but not ready, and ready again without a restart."""
    disk.takes_writes = False
    assert not await health.is_ready()
    report = await health.report()
    assert (report.status, report.database) == ("degraded", "unavailable")

    disk.takes_writes = True
    clock.advance(timedelta(seconds=1))

    assert (await health.report()).status == "ok"


async def test_disk_is_asked_at_most_once_a_second(health: Health, disk: Disk):
    """However often somebody asks whether Athena is well."""
    for _ in range(5):
        await health.report()

    assert disk.asked == 1


async def test_disk_that_hangs_is_not_ready(
    health: Health, disk: Disk, monkeypatch: pytest.MonkeyPatch
):
    """Who asks is answered all the same."""
    monkeypatch.setattr("athena.service.health._PATIENCE_SECONDS", 0.01)  # instead of two seconds
    disk.hangs = True

    report = await health.report()

    assert (report.status, report.database) == ("degraded", "unavailable")


@pytest.mark.parametrize(
    ("discord", "status"),
    [
        ("connected", "ok"),
        ("connecting", "ok"),
        ("disabled", "ok"),
        ("failed: bad token", "degraded"),
    ],
)
async def test_discord_that_failed_is_no_end(health: Health, discord: str, status: str):
    """Athena goes on without Discord, and says so."""
    health.set_discord(discord)

    report = await health.report()

    assert (report.status, report.discord, report.database) == (status, discord, "ok")


async def test_closed_store_is_not_ready(tmp_path: Path, clock: ManualClock):
    """Also where the store is no more."""
    store = SQLiteStore(tmp_path / "tasks.db", clock)
    async with store:
        health = health_of(store, clock)

    assert not await health.is_ready()
