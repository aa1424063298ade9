"""How a task ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from athena.model.lifecycle import Status
from athena.model.outcome import outcome_of
from tests.model.tasks import NOW, a_task, held

LATER = NOW + timedelta(seconds=90)


def test_open_task_has_no_outcome():
    """Neither waiting nor running."""
    assert outcome_of(a_task()) is None
    assert outcome_of(held()) is None


def test_outcome_is_the_result():
    """Where there is one, it is given as it stands; whether it succeeded is the status's to say."""
    told = {"success": True, "x": 1}
    task = held(status=Status.FAILED, completed_at=LATER, error="no disk", result=told)

    outcome = outcome_of(task)

    assert outcome is not None
    assert outcome.status is Status.FAILED
    assert outcome.result == {"success": False, "x": 1, "error": "no disk"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"status": Status.COMPLETED, "notes": "done"},
            {"success": True, "output": "done", "error": None},
        ),
        (
            {"status": Status.FAILED, "error": "no use", "notes": "n"},
            {"success": False, "output": None, "error": "no use"},
        ),
        ({"status": Status.CANCELLED}, {"success": False, "output": None, "error": "cancelled"}),
    ],
)
def test_outcome_without_a_result_is_made_from_the_status(
    facts: dict[str, Any], expected: dict[str, object]
):
    """With what is known: notes or error, begin and end."""
    outcome = outcome_of(held(completed_at=LATER, **facts))

    assert outcome is not None
    assert outcome.result == {
        **expected,
        "started_at": "2026-11-21T20:00:00.000Z",
        "completed_at": "2026-11-21T20:01:30.000Z",
        "duration_ms": 90_000,
    }


def test_outcome_of_what_was_never_begun():
    """Cancelled while it waited: there is no begin and no duration."""
    outcome = outcome_of(a_task(status=Status.CANCELLED, completed_at=LATER))

    assert outcome is not None
    assert outcome.result["started_at"] is None
    assert "duration_ms" not in outcome.result
