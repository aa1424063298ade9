"""The API on a real store of each engine, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.driver import ApiDriver, running_api
from tests.store.engines import ENGINES, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    return ENGINES[request.param]


@pytest.fixture
async def api(engine: Engine, tmp_path: Path) -> AsyncIterator[ApiDriver]:
    """A running API."""
    async with running_api(engine, tmp_path) as driver:
        yield driver
