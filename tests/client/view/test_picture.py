"""What an event puts in question, and what the picture keeps."""

import pytest

from athena.model import event as server_events
from claude_task_client.view.picture import EVERYTHING, Part, Picture, in_question, slim
from claude_task_client.wire import Event, Task


def happened(kind, *, task=1, at="2026-01-01T00:00:00.000Z", **data):
    return Event.read({"id": 1, "type": kind, "task_id": task, "at": at, "data": data})


def running(**fields):
    known = {"id": 1, "description": "x", "attempt": 1, "status": "in_progress"}
    return Task.read({**known, "updated_at": "2025-01-01T00:00:00.000Z", **fields})


def kinds(kind):
    subclasses = kind.__subclasses__()
    named = [kind.type] if "type" in vars(kind) else []
    return named + [each for subclass in subclasses for each in kinds(subclass)]


@pytest.mark.parametrize(
    "kind",
    [
        *(*kinds(server_events.TaskEvent), *kinds(server_events.QuestionEvent)),
        *("instance.online", "instance.sick", "queue.paused", "queue.resumed", "reset"),
    ],
)
def test_whatever_happens_to_what_is_shown_is_looked_at(kind):
    assert in_question(happened(kind))


def test_what_is_not_shown_is_not_asked_for():
    assert in_question(happened("key.created")) == frozenset()


def test_what_a_newer_athena_tells_of_a_task_is_looked_at():
    assert {Part.RUNNING, Part.PENDING, Part.ENDED} <= in_question(happened("task.teleported"))


def test_after_a_reset_everything_is_looked_at():
    assert in_question(happened("reset")) == EVERYTHING


def test_progress_is_taken_from_its_event():
    picture = Picture(running=(running(),))

    known = picture.move_on(
        happened("task.progressed", attempt=1, percent=40, message="at it", phase="testing")
    )

    [task] = picture.running
    assert known
    assert (task.phase, task.progress and task.progress.percent) == ("testing", 40)
    assert task.progress
    assert task.progress.message == "at it"


@pytest.mark.parametrize(
    "event",
    [
        happened("task.progressed", attempt=2, percent=1),
        happened("task.progressed", attempt=1, phase="waiting"),
        happened("task.progressed", task=2, attempt=1),
        happened("task.completed", attempt=1),
    ],
)
def test_what_an_event_does_not_tell_is_asked_for(event):
    picture = Picture(running=(running(),))

    assert not picture.move_on(event)
    assert picture.running[0].progress is None


def test_old_news_change_nothing():
    """A look may have seen more than an event that comes after it."""
    newer = running(updated_at="2026-02-01T00:00:00.000Z", progress={"percent": 90})
    picture = Picture(running=(newer,))

    assert picture.move_on(happened("task.progressed", attempt=1, percent=10))
    assert picture.running[0] is newer


def test_a_picture_keeps_no_long_texts():
    long = "word " * 4000
    [task] = slim(
        [
            running(
                description=long,
                error=long,
                notes=long,
                metadata={"a": long},
                result={"output": long, "total_cost_usd": 1.5},
            )
        ]
    )

    assert len(task.description) + len(task.error or "") < 1000
    assert (task.notes, task.raw) == (None, {})
    assert task.result
    assert (task.result.output, task.result.raw, task.result.total_cost_usd) == (None, {}, 1.5)
