"""The API on a real store, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.driver import ApiDriver, running_api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiDriver]:
    """A running API."""
    async with running_api(tmp_path) as driver:
        yield driver
