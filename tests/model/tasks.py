"""Tasks for tests of the model, and strategies that make any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from athena.model.lifecycle import Status
from athena.model.task import Priority, Task, TaskId

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
STEADY = timedelta(hours=7)


def a_task(**facts: Any) -> Task:
    """A pending task that is like no other where `facts` say so."""
    known: dict[str, Any] = {
        "id": TaskId(5),
        "description": "Deploy new service",
        "status": Status.PENDING,
        "priority": Priority.MEDIUM,
        "project": None,
        "target": None,
        "lane": None,
        "created_at": NOW,
        "created_by": "alice",
        "created_via": "api",
        "updated_at": NOW,
        "not_before": None,
    }
    return Task(**{**known, **facts})


def held(instance: str = "pi", **facts: Any) -> Task:
    """A task in progress, as attempt 1, for two hours."""
    known: dict[str, Any] = {
        "status": Status.IN_PROGRESS,
        "claimed_by": instance,
        "claimed_at": NOW,
        "attempt": 1,
        "lease": timedelta(hours=2),
        "lease_deadline": STEADY + timedelta(hours=2),
        "lease_expires_at": NOW + timedelta(hours=2),
    }
    return a_task(**{**known, **facts})


times = st.none() | st.integers(-7200, 7200).map(lambda seconds: NOW + timedelta(seconds=seconds))
