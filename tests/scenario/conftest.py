"""What the scenarios share: how much of them is run."""

from __future__ import annotations

import pytest


@pytest.fixture
def is_full(request: pytest.FixtureRequest) -> bool:
    """Whether `--full` was given: the numbers of the specification, not those of every day."""
    return bool(request.config.getoption("--full"))


@pytest.fixture
def task_count(is_full: bool) -> int:
    """How many tasks a race is about."""
    return 20_000 if is_full else 3_000
