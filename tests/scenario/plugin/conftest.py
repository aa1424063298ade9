"""The laptop that the plugin's scenarios happen on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model import ScriptedModel
from tests.running import RunningServer
from tests.scenario.plugin.laptop import Laptop
from tests.store.engines import ENGINES, Engine


@pytest.fixture
def engine() -> Engine:
    """SQLite: what is looked at here is the client's side."""
    return ENGINES["sqlite"]


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A scripted model that has no scripts yet."""
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def laptop(tmp_path: Path, server: RunningServer, model: ScriptedModel) -> Iterator[Laptop]:
    """A laptop that knows Athena; the plugin is installed."""
    there = Laptop(tmp_path / "a laptop", model, server)
    there.install()
    yield there
    there.end()


@pytest.fixture
def bare(tmp_path: Path, model: ScriptedModel) -> Iterator[Laptop]:
    """A laptop without the plugin, and without an Athena."""
    there = Laptop(tmp_path / "a laptop", model)
    yield there
    there.end()
