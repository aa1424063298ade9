"""The same Discord and Athena as for the bot."""

import pytest

from tests.bot.conftest import alice, athena, discord, start_athena
from tests.store.engines import ENGINES, MOSTLY_SQLITE, Engine

__all__ = ["alice", "athena", "discord", "start_athena"]


@pytest.fixture(params=MOSTLY_SQLITE)
def engine(request: pytest.FixtureRequest) -> Engine:
    """SQLite; most of what is told, and how, does not depend on where it comes from."""
    return ENGINES[request.param]
