"""Fixtures for a test's conftest: `from tests.fakes.model.fixtures import *`  (they are named)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model.program import claude_environment
from tests.fakes.model.server import ScriptedModel

__all__ = ["claude_env", "model"]


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A scripted model that has no scripts yet."""
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def claude_env(model: ScriptedModel, tmp_path: Path) -> dict[str, str]:
    """The environment of a `claude` that asks `model`, with a home and TMPDIR of its own."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    return claude_environment(model, home=home, temporary=temporary, retries=1)
