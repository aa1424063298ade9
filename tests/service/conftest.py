"""The queue on a real store of each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from athena.store.base import Store
from tests.service.driver import QueueDriver
from tests.service.polling import Pollers
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES, Engine

# `--hypothesis-profile deep`: see test_state_machine.py.
settings.register_profile("deep", settings.get_profile("default"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return ENGINES[request.param]


@pytest.fixture
async def store(engine: Engine, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with engine.build(tmp_path, clock) as store:
        yield store


@pytest.fixture
async def queue(store: Store, clock: ManualClock) -> QueueDriver:
    """The services on it, in domain words."""
    return QueueDriver(store, clock)


@pytest.fixture
async def pollers(queue: QueueDriver) -> AsyncIterator[Pollers]:
    pollers = Pollers(queue)
    yield pollers
    await pollers.end()
