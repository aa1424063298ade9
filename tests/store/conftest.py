"""A store of each engine, on a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from athena.store.base import Committed, Store
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
async def store(engine: Engine, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with engine.build(tmp_path, clock) as store:
        yield store


@pytest.fixture
def told(store: Store) -> list[Committed]:
    """What the store has told its listeners since."""
    heard: list[Committed] = []
    store.on_commit(heard.append)
    return heard
