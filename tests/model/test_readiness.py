"""Readiness: one pure function of a task's facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.model import limits
from athena.model.readiness import readiness_of, settled
from athena.model.task import Readiness, Task
from tests.model.tasks import NOW, a_task, times

LATER = NOW + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("facts", "lane_is_open", "readiness"),
    [
        ({}, True, Readiness.READY),
        ({}, False, Readiness.HELD),
        ({"not_before": LATER}, False, Readiness.SCHEDULED),
        ({"not_before": LATER, "unmet": 1}, False, Readiness.BLOCKED),
        ({"not_before": LATER, "unmet": 1, "parked_until": LATER}, False, Readiness.PARKED),
        ({"parked_until": LATER}, True, Readiness.PARKED),
        ({"parked_question": 7}, True, Readiness.PARKED),
        ({"parked_question": 7, "parked_until": NOW, "unmet": 1}, False, Readiness.PARKED),
        ({"asker": "pi"}, True, Readiness.READY),
        ({"not_before": NOW}, True, Readiness.READY),
        ({"parked_until": NOW}, True, Readiness.READY),
    ],
)
def test_first_of_what_holds_counts(
    facts: dict[str, object], lane_is_open: bool, readiness: Readiness
):
    """Parked, blocked, scheduled, held: in this order; a time holds until it has come."""
    assert readiness_of(a_task(**facts), now=NOW, lane_is_open=lane_is_open) is readiness


tasks = st.builds(
    a_task,
    not_before=times,
    parked_until=times,
    parked_question=st.sampled_from([None, None, 7]),
    unmet=st.integers(0, 2),
    affinity=st.sampled_from([None, "pi"]),
    affinity_until=times,
    target=st.sampled_from([None, "gpu"]),
)


@given(task=tasks, lane_is_open=st.booleans())
def test_settling_is_done_in_one_step(task: Task, lane_is_open: bool):
    """What is settled is settled: a second time changes nothing."""
    once = settled(task, now=NOW, lane_is_open=lane_is_open)

    assert settled(once, now=NOW, lane_is_open=lane_is_open) == once
    assert once.readiness is readiness_of(task, now=NOW, lane_is_open=lane_is_open)


@given(task=tasks, lane_is_open=st.booleans())
def test_time_that_changes_something_is_always_to_come(task: Task, lane_is_open: bool):
    """What is due is done: nothing comes up again and again."""
    after = settled(task, now=NOW, lane_is_open=lane_is_open)

    assert after.due_at is None or after.due_at > NOW


@given(task=tasks, lane_is_open=st.booleans(), at=times)
def test_nothing_changes_by_time_before_it_is_due(
    task: Task, lane_is_open: bool, at: datetime | None
):
    """Until `due_at`, looking again finds the same."""
    once = settled(task, now=NOW, lane_is_open=lane_is_open)
    later = max(at or NOW, NOW)

    if once.due_at is None or later < once.due_at:
        assert settled(once, now=later, lane_is_open=lane_is_open) == once


@given(task=tasks, lane_is_open=st.booleans())
def test_offer_is_the_reservation_or_the_target(task: Task, lane_is_open: bool):
    """Reserved tasks are found under their holder, the others under their target."""
    after = settled(task, now=NOW, lane_is_open=lane_is_open)

    assert after.offered_to == (after.affinity or after.target)


def test_reservation_runs_from_readiness():
    """Ten minutes from when the task becomes ready, not from before."""
    parked = a_task(affinity="pi", parked_until=LATER)

    waiting = settled(parked, now=NOW, lane_is_open=True)
    held = settled(waiting, now=LATER, lane_is_open=False)
    ready = settled(held, now=LATER, lane_is_open=True)

    assert (waiting.affinity_until, held.affinity_until) == (None, None)
    assert ready.affinity_until == ready.due_at == LATER + limits.AFFINITY
    over = settled(ready, now=LATER + limits.AFFINITY, lane_is_open=True)
    assert (over.affinity, over.affinity_until, over.due_at) == (None, None, None)


def test_settling_a_task_that_nothing_holds():
    """It is ready, for its target, and no time changes that."""
    task = a_task(target="gpu")

    assert settled(task, now=NOW, lane_is_open=True) == replace(
        task, readiness=Readiness.READY, offered_to="gpu"
    )
