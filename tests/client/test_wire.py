"""Answers as values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from claude_task_client.wire import Event, Instance, Task, time_text

JSON = {
    "id": 12,
    "description": "Deploy",
    "status": "in_progress",
    "priority": "high",
    "created_at": "2026-11-21T20:00:00.000Z",
    "depends_on": [3, 4],
    "progress": {"percent": 40, "message": "testing"},
    "result": None,
    "metadata": {"a": 1},
    "from_the_future": True,
}


def test_a_task_has_typed_fields_and_keeps_what_it_does_not_know():
    task = Task.read(JSON)

    assert task.created_at == datetime(2026, 11, 21, 20, tzinfo=UTC)
    assert task["created_at"] == "2026-11-21T20:00:00.000Z"
    assert task.progress is not None
    assert task.progress.percent == 40
    assert task.depends_on == (3, 4)
    assert task.metadata["a"] == 1
    assert task["from_the_future"] is True


def test_missing_and_odd_fields_do_not_break_a_reader():
    task = Task.read({"id": 1, "created_at": "whenever", "depends_on": None, "result": "?"})

    assert str(task.created_at) == "whenever"
    assert (task.depends_on, task.result, task.lane) == ((), None, None)


def test_values_cannot_be_changed_and_compare_by_content():
    task = Task.read(JSON)

    assert task == Task.read(JSON | {"from_the_future": False})
    with pytest.raises(AttributeError):
        setattr(task, "status", "completed")  # noqa: B010  mypy knows better


def test_nested_lists_become_values():
    event = Event.read({"id": 1, "type": "t", "actor": {"kind": "key", "name": "ci"}})
    instance = Instance.read({"instance": "pi", "tasks": [{"id": 4}], "labels": ["gpu"]})

    assert event.actor is not None
    assert event.actor.name == "ci"
    assert (instance.tasks, instance.labels) == ((4,), ("gpu",))


def test_times_are_sent_in_utc_with_milliseconds():
    berlin = datetime(2026, 11, 22, 1, 30, tzinfo=timezone(timedelta(hours=1)))

    assert time_text(berlin) == "2026-11-22T00:30:00.000Z"
    with pytest.raises(ValueError):
        time_text(datetime.fromisoformat("2026-11-22"))
