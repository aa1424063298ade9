"""The one table: what may be done to a task in each status, and where that leads."""

from __future__ import annotations

import itertools

import pytest

from athena.model.errors import InvalidTransition
from athena.model.lifecycle import ENDED, OPEN, TRANSITIONS, Action, Status, move_for, status_after

# The picture of the specification, written down a second time: action, from, to.
PICTURE: dict[Action, dict[Status, Status | None]] = {
    Action.CHANGE: {Status.PENDING: Status.PENDING, Status.IN_PROGRESS: Status.IN_PROGRESS},
    Action.CLAIM: {Status.PENDING: Status.IN_PROGRESS},
    Action.PROGRESS: {Status.IN_PROGRESS: Status.IN_PROGRESS},
    Action.RELEASE: {Status.IN_PROGRESS: Status.PENDING},
    Action.PARK: {Status.IN_PROGRESS: Status.PENDING},
    Action.EXPIRE: {Status.IN_PROGRESS: Status.PENDING},
    Action.EXPIRE_FOR_GOOD: {Status.IN_PROGRESS: Status.FAILED},
    Action.COMPLETE: {Status.IN_PROGRESS: Status.COMPLETED},
    Action.COMPLETE_LATE: {Status.PENDING: Status.COMPLETED, Status.FAILED: Status.COMPLETED},
    Action.FAIL: {Status.IN_PROGRESS: Status.FAILED},
    Action.FAIL_AND_RETRY: {Status.IN_PROGRESS: Status.PENDING},
    Action.CANCEL: {Status.PENDING: Status.CANCELLED, Status.IN_PROGRESS: Status.CANCELLED},
    Action.RETRY: dict.fromkeys(ENDED, Status.PENDING),
    Action.DELETE: dict.fromkeys([Status.PENDING, *ENDED], None),
}
EVERY_PAIR = list(itertools.product(Status, Action))


@pytest.mark.parametrize(("status", "action"), EVERY_PAIR)
def test_every_pair_is_allowed_or_refused_as_the_picture_says(status: Status, action: Action):
    """What the picture does not show is refused, in words."""
    if status in PICTURE[action]:
        assert move_for(status, action).to is PICTURE[action][status]
    else:
        with pytest.raises(InvalidTransition, match=f"is {status.value} cannot be {action.value}"):
            move_for(status, action)


@pytest.mark.parametrize(("status", "action"), sorted(TRANSITIONS))
def test_every_move_has_an_event_of_its_task(status: Status, action: Action):
    """There is no change without its event."""
    assert TRANSITIONS[status, action].event.type.startswith("task.")


def test_every_action_is_drawn():
    """The picture above knows all of them."""
    assert set(PICTURE) == set(Action)


def test_removal_leaves_no_status():
    """A removed task is in none."""
    with pytest.raises(InvalidTransition, match="leaves no task"):
        status_after(Status.PENDING, Action.DELETE)
    assert status_after(Status.PENDING, Action.CLAIM) is Status.IN_PROGRESS


def test_statuses_are_open_or_ended():
    """Each is one of the two."""
    assert set(Status) == OPEN | ENDED
    assert not OPEN & ENDED
    assert {status for status in Status if status.is_end} == ENDED


@pytest.mark.parametrize("status", list(Status))
def test_every_status_can_be_left_and_reached(status: Status):
    """No task is stuck for ever, and no status is there for nothing."""
    assert any(
        source is status and move.to is not status for (source, _), move in TRANSITIONS.items()
    )
    assert any(move.to is status for move in TRANSITIONS.values())
