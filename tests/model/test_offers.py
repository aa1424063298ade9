"""Who may take what: pauses, targets, labels, projects."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from athena.model import limits
from athena.model.instance import Claimer, Instance
from athena.model.pause import Pause, Pauses
from tests.model.tasks import NOW, a_task

EVERYTHING, PROJECT, INSTANCE, BOTH = (
    Pause(),
    Pause(project="athena"),
    Pause(instance="pi"),
    Pause(project="athena", instance="pi"),
)


@pytest.mark.parametrize(
    ("pause", "stops_pi", "pi_without", "mac_without", "holds"),
    [
        (EVERYTHING, True, set(), set(), True),
        (PROJECT, False, {"athena"}, {"athena"}, True),
        (INSTANCE, True, set(), set(), False),
        (BOTH, False, {"athena"}, set(), False),
    ],
)
def test_pauses(
    pause: Pause, stops_pi: bool, pi_without: set[str], mac_without: set[str], holds: bool
):
    """Of everything, of a project, of an instance, of a project for an instance."""
    pauses, task = Pauses((pause,)), a_task(project="athena")

    assert pauses.stop("pi") is stops_pi
    assert pauses.stop("mac") is (pause is EVERYTHING)
    assert pauses.paused_projects("pi") == pi_without
    assert pauses.paused_projects("mac") == mac_without
    assert list(pauses.holding(task)) == ([pause] if holds else [])
    assert pauses.keep_from("pi", task)
    assert pauses.keep_from("mac", task) is holds


def test_no_pause_holds_nothing():
    """Nor does the pause of another project."""
    task = a_task(project="other")

    assert not Pauses().keep_from("pi", task)
    assert not Pauses((PROJECT, BOTH)).keep_from("pi", task)
    assert not Pauses((PROJECT,)).keep_from("pi", a_task())


@pytest.mark.parametrize(
    ("claimer", "task", "fits"),
    [
        (Claimer(instance="pi"), a_task(), True),
        (Claimer(instance="pi"), a_task(offered_to="pi"), True),
        (Claimer(instance="pi"), a_task(offered_to="mac"), False),
        (Claimer(instance="pi", labels=("gpu",)), a_task(offered_to="gpu"), True),
        (Claimer(instance="pi", projects=("a",)), a_task(project="a"), True),
        (Claimer(instance="pi", projects=("a",)), a_task(project="b"), False),
        (Claimer(instance="pi", projects=("a",)), a_task(), False),
        (Claimer(instance="pi"), a_task(project="a"), True),
    ],
)
def test_what_fits_a_claimer(claimer: Claimer, task, fits: bool):
    """By target, label and project."""
    assert claimer.fits(task) is fits


def test_sightings():
    """A stored sighting is good for 15 s, in both directions of a wall clock that was set."""
    seen = Instance(slug="pi", first_seen=NOW, last_seen=NOW)

    assert seen.was_seen_lately(NOW + timedelta(seconds=14))
    assert not seen.was_seen_lately(NOW + limits.SIGHTING_EVERY)
    assert not seen.was_seen_lately(NOW - timedelta(hours=1))
    assert not dataclasses.replace(seen, online=False).was_seen_lately(NOW)
