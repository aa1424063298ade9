"""What the scenarios share: on what they are run, and how much of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer
from tests.store.engines import ENGINES, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn, where a test does not say which."""
    return ENGINES[request.param]


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to be killed: as durable as in real use."""
    with PostgresServer(is_durable=True) as server:
        yield server


@pytest.fixture
def is_full(request: pytest.FixtureRequest) -> bool:
    """Whether `--full` was given: the numbers of the specification, not those of every day."""
    return bool(request.config.getoption("--full"))


@pytest.fixture
def task_count(is_full: bool) -> int:
    """How many tasks a race is about."""
    return 20_000 if is_full else 3_000
