"""Fixtures of the worker's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.model.fixtures import claude_env, model
from tests.worker.at_work import place
from tests.worker.repositories import Project

__all__ = ["claude_env", "model", "place", "project"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project's repository, with one commit."""
    return Project(tmp_path).make()
