"""The place that the worker's scenarios happen in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model import ScriptedModel
from tests.running import RunningServer
from tests.scenario.worker.workshop import Workshop
from tests.store.engines import ENGINES, Engine


@pytest.fixture
def engine() -> Engine:
    """SQLite: what is looked at here is the worker's side."""
    return ENGINES["sqlite"]


@pytest.fixture
def workshop(tmp_path: Path, server: RunningServer) -> Iterator[Workshop]:
    """A place of work with no worker yet."""
    with ScriptedModel() as model:
        place = Workshop(tmp_path / "place", server, model)
        yield place
        place.end()
