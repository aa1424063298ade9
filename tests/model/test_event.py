"""Every event has a type and its data."""

from __future__ import annotations

import inspect

import pytest

from athena.model import event
from athena.model.event import Happening, TaskEvent, TaskReady, TaskSubmitted, TaskWillRetry
from tests.model.tasks import NOW

EVENTS: list[type[Happening]] = [
    kind
    for kind in vars(event).values()
    if inspect.isclass(kind) and issubclass(kind, Happening) and hasattr(kind, "type")
]


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_has_a_type_and_words(kind: type[Happening]):
    """The type's first word is what it happened to."""
    noun = kind.type.partition(".")[0]

    assert (noun == "task") is issubclass(kind, TaskEvent)
    assert noun in {"task", "question", "message", "instance", "queue", "key"}
    assert kind.__doc__


def test_types_tell_the_events_apart():
    """No two events share one."""
    assert len({kind.type for kind in EVENTS}) == len(EVENTS)


def test_data_leaves_out_what_is_not_there():
    """Fields that are None are not written."""
    submitted = TaskSubmitted(
        priority="low", project=None, target="pi", lane=None, created_by=None, created_via="api"
    )

    assert submitted.data() == {"priority": "low", "target": "pi", "created_via": "api"}
    assert TaskReady().data() == {}


def test_data_has_times_as_text():
    """As everywhere outside."""
    again = TaskWillRetry(instance="pi", attempt=1, failures=1, error=None, not_before=NOW)

    assert again.data()["not_before"] == "2026-11-21T20:00:00.000Z"
