"""Priorities, and costs that can be added up."""

from __future__ import annotations

import pytest

from athena.model.task import PRIORITY_OF_RANK, Priority, cost_usd_of


def test_priorities_are_ranked():
    """Urgent first."""
    assert [p.value for p in PRIORITY_OF_RANK] == ["urgent", "high", "medium", "low"]
    assert [p.rank for p in Priority] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        (0, 0.0),
        (1, 1.0),
        (0.25, 0.25),
        (1_000_000, 1_000_000.0),
        (1_000_001, None),
        (10**400, None),
        (-1, None),
        (float("inf"), None),
        (float("nan"), None),
        (True, None),
        ("1", None),
        (None, None),
    ],
)
def test_costs_that_can_be_added_up(cost: object, expected: float | None):
    """Whatever a worker says there: a figure, or nothing."""
    assert cost_usd_of({"total_cost_usd": cost}) == expected


def test_no_result_costs_nothing_known():
    """Without a result there is no figure."""
    assert cost_usd_of(None) is None
    assert cost_usd_of({}) is None
