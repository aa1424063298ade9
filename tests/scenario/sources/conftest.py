"""The scenarios of sources: real processes on real folders, and one real Athena."""

from __future__ import annotations

import pytest

from tests.store.engines import ENGINES, Engine


@pytest.fixture
def engine() -> Engine:
    """What a source does knows nothing of the store."""
    return ENGINES["sqlite"]
