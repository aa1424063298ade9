"""What can be said about a task, what is refused, and what may be changed."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena.model import limits
from athena.model.errors import IdempotencyKeyReused, Invalid, InvalidTransition, TaskNotFound
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Priority, Readiness, TaskId
from athena.service.drafts import Changes, Draft
from athena.store import transfer
from athena.store.base import Transaction
from athena.store.transfer import TABLES
from tests.service.driver import ALICE, QueueDriver, once


async def test_submitted_task_has_what_was_said(queue: QueueDriver):
    """Everything is stored and shown as given."""
    said: dict[str, Any] = {
        "description": "Deploy\n\n  the *new* service \N{ROCKET}",
        "priority": Priority.HIGH,
        "project": "athena",
        "target": "macbook",
        "lane": "deploy",
        "max_attempts": 7,
        "metadata": {"ticket": 12, "nested": {"a": [1, None, "é"]}},
        "continues": "s-1",
        "created_by": "alice",
        "created_via": "discord",
        "submitter": "discord:80351110224678912",
    }

    task = await queue.submit(**said)

    assert {name: getattr(task, name) for name in said} == said
    assert (task.id, task.status, task.readiness) == (1, Status.PENDING, Readiness.READY)
    assert (task.attempt, task.failures, task.claimed_by) == (0, 0, None)
    assert task.created_at == task.updated_at == queue.clock.now()
    assert task == await queue.get(task)


async def test_who_submits_is_named_where_nobody_else_is(queue: QueueDriver):
    """A submit that says no name has that of whoever speaks."""
    assert (await queue.submit()).created_by == "alice"
    assert (await queue.submit(created_by="bob")).created_by == "bob"


async def test_defaults(queue: QueueDriver):
    """Medium priority, the setting's number of attempts, nothing else."""
    task = await queue.submit()

    assert (task.priority, task.max_attempts, task.metadata) == (Priority.MEDIUM, 3, {})
    assert (task.project, task.target, task.lane, task.depends_on) == (None, None, None, ())


async def test_event_does_not_repeat_the_text(queue: QueueDriver):
    """Events outlive their task; what it said goes with it."""
    task = await queue.submit("a secret plan", project="athena")

    (event,) = await queue.history_of(task)
    assert dict(event.data) == {
        "priority": "medium",
        "project": "athena",
        "created_by": "alice",
        "created_via": "api",
    }


async def test_ids_are_never_reused(queue: QueueDriver):
    """Not even that of the last task, once removed."""
    task = await queue.submit()
    await queue.delete(task)

    assert (await queue.submit()).id > task.id


REFUSED = [
    ("description", "", "must say something"),
    ("description", " \n\t ", "must say something"),
    ("description", "x" * 20_001, "at most 20000"),
    ("description", "nul \x00 byte", "NUL"),
    ("description", "lone \ud800 surrogate", "surrogate"),
    ("project", "two words", "not a slug"),
    ("project", "-dash", "not a slug"),
    ("target", "x" * 65, "not a slug"),
    ("lane", "a/b", "not a slug"),
    ("lane", "newline\n", "not a slug"),
    ("created_by", "x" * 129, "at most 128"),
    ("continues", "\x00", "NUL"),
    ("max_attempts", 0, "from 1 to 1000"),
    ("max_attempts", 1001, "from 1 to 1000"),
    ("metadata", {"x": "y" * 16_384}, "at most 16384"),
    ("metadata", {"x": "\x00"}, "NUL"),
    ("metadata", {"x": "\\\x00"}, "NUL"),
    ("metadata", {"x": "\udfff"}, "not an object"),
    ("metadata", {"x": object()}, "not an object"),
    ("depends_on", tuple(range(1, 102)), "at most 100"),
]


@pytest.mark.parametrize(("field", "value", "message"), REFUSED)
async def test_what_cannot_be_stored_is_refused(
    queue: QueueDriver, field: str, value: Any, message: str
):
    """With the name of the field and what is wrong; nothing is stored."""
    with pytest.raises(Invalid) as refusal:
        await queue.submit(**{field: value})

    (error,) = refusal.value.errors
    assert (error.field, message in error.message) == (field, True)
    assert await queue.log() == []


ACCEPTED = [
    ("description", "x" * 20_000),
    ("description", "\N{ROCKET}" * 20_000),
    ("project", "x" * 64),
    ("target", "A.b_c-9"),
    ("created_by", "Zoë \N{ROCKET}"),
    ("max_attempts", 1000),
    ("metadata", {"x": "the text \\u0000, not the character"}),
    ("metadata", {"\N{ROCKET}": ["\x01", 1.5, True, None, {"deep": {}}]}),
]


@pytest.mark.parametrize(("field", "value"), ACCEPTED)
async def test_what_is_just_allowed_is_shown_as_given(queue: QueueDriver, field: str, value: Any):
    """The bounds belong to what is allowed."""
    task = await queue.submit(**{field: value})

    assert getattr(await queue.get(task), field) == value


async def test_every_fault_is_named_at_once(queue: QueueDriver):
    """Whoever corrects a request sees all that is wrong with it."""
    with pytest.raises(Invalid) as refusal:
        await queue.submit("", project="a b", max_attempts=0)

    assert [e.field for e in refusal.value.errors] == ["description", "project", "max_attempts"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(min_size=1, max_size=200))
async def test_any_text_is_shown_as_given_or_refused(queue: QueueDriver, text: str):
    """There is no third way: nothing is cut, trimmed or normalised."""
    try:
        task = await queue.submit(text)
    except Invalid:
        assert not text.strip() or "\x00" in text
    else:
        assert (await queue.get(task)).description == text


# --- repeats ----------------------------------------------------------------------------------


async def test_repeat_gives_the_first_answer(queue: QueueDriver):
    """With an idempotency key a repeat makes no second task."""
    first = await queue.submit(once=once())

    again = await queue.submit(once=once())

    assert again == first
    assert len(await queue.listed()) == 1


async def test_repeat_over_an_update_gives_the_first_answer(queue: QueueDriver):
    """Also where tasks had fewer columns when it was kept."""
    first = await queue.submit(once=once())
    table = next(table for table in TABLES if table.name == "idempotency_keys")

    async def keep_as_before(tx: Transaction) -> None:
        [cells] = await transfer.page(tx, table, after=None)
        kept = dict(zip(table.columns, cells, strict=True))
        answer = json.loads(str(kept["answer"]))
        for column in ("asker", "parked_question"):
            del answer["row"][column]
        of_before = kept | {"key": "before", "answer": json.dumps(answer)}
        await transfer.insert(tx, table, [[of_before[column] for column in table.columns]])

    await queue.store.run(keep_as_before)

    assert await queue.submit(once=once("before")) == first


async def test_repeat_gives_the_answer_as_it_was(queue: QueueDriver):
    """Unchanged, whatever has become of the task since, even that it was removed."""
    dependency = await queue.submit()
    said: dict[str, Any] = {
        "depends_on": (dependency,),
        "lane": "deploy",
        "metadata": {"a": [1]},
        "not_before": queue.clock.now() + timedelta(hours=1),
    }
    first = await queue.submit(**said, once=once())
    await queue.cancel(first)
    changed = await queue.submit(**said, once=once())
    await queue.delete(first)
    removed = await queue.submit(**said, once=once())

    assert first == changed == removed


async def test_key_for_another_request_is_refused(queue: QueueDriver):
    """The same name for something else is a mistake of the client's."""
    await queue.submit(once=once(fingerprint="one"))

    with pytest.raises(IdempotencyKeyReused):
        await queue.submit(once=once(fingerprint="two"))

    assert len(await queue.listed()) == 1


async def test_keys_of_different_owners_do_not_meet(queue: QueueDriver):
    """Each API key has its own names."""
    first = await queue.submit(once=once(owner="key:1"))
    second = await queue.submit(once=once(owner="key:2"))

    assert first.id != second.id


async def test_refused_request_is_not_remembered(queue: QueueDriver):
    """What was refused may be sent again under the same name."""
    with pytest.raises(Invalid):
        await queue.submit(depends_on=(TaskId(1),), once=once())
    await queue.submit()

    task = await queue.submit(depends_on=(TaskId(1),), once=once())

    assert task.id == 2


async def test_repeat_of_a_claim_gives_the_first_answer(queue: QueueDriver):
    """A worker that did not hear its answer asks again, and holds one task."""
    await queue.submit()
    await queue.submit()
    first = await queue.claim_next("pi", once=once())

    assert await queue.claim_next("pi", once=once()) == first

    assert len(await queue.listed(Status.IN_PROGRESS)) == 1


async def test_claim_that_found_nothing_is_not_remembered(queue: QueueDriver):
    """An empty answer may become a task."""
    assert await queue.claim_next("pi", once=once()) is None
    task = await queue.submit()

    claimed = await queue.claim_next("pi", once=once())

    assert claimed is not None
    assert claimed.id == task.id


async def test_answers_are_forgotten_after_a_day(queue: QueueDriver):
    """Then the name is free for another request."""
    await queue.submit(once=once())
    queue.clock.advance(timedelta(hours=23))
    await queue.services.sweeping.forget_answers()
    assert (await queue.submit(once=once())).id == 1

    queue.clock.advance(timedelta(hours=1, milliseconds=1))
    await queue.services.sweeping.forget_answers()

    assert (await queue.submit(once=once())).id == 2


# --- changes ----------------------------------------------------------------------------------


async def test_everything_changeable_changes(queue: QueueDriver):
    """One event names what has changed."""
    task = await queue.submit()
    changes: dict[str, Any] = {
        "description": "Something else",
        "priority": Priority.URGENT,
        "target": "macbook",
        "project": "athena",
        "not_before": queue.clock.now() + timedelta(hours=1),
        "max_attempts": 5,
        "metadata": {"a": 1},
    }
    await queue.advance(minutes=1)

    changed = await queue.change(task, **changes)

    assert {name: getattr(changed, name) for name in changes} == changes
    assert changed.updated_at == queue.clock.now()
    assert changed == await queue.get(task)
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["priority"]) == ("task.changed", "urgent")
    assert sorted(event.data["fields"]) == sorted(changes)  # type: ignore[call-overload]


async def test_what_can_be_empty_can_be_emptied(queue: QueueDriver):
    """None is a value: target, project and time may be taken away."""
    later = queue.clock.now() + timedelta(hours=1)
    task = await queue.submit(target="macbook", project="athena", not_before=later)

    changed = await queue.change(task, target=None, project=None, not_before=None)

    assert (changed.target, changed.project, changed.not_before) == (None, None, None)
    assert await queue.next_for("pi") == task.id


@pytest.mark.parametrize("changes", [{}, {"priority": Priority.MEDIUM, "target": None}])
async def test_change_that_changes_nothing_is_not_told(queue: QueueDriver, changes: Any):
    """No change, no event."""
    task = await queue.submit()

    assert await queue.change(task, **changes) == task
    assert await queue.story_of(task) == ["submitted"]


async def test_change_of_a_running_task(queue: QueueDriver):
    """What runs may be changed too, and stays held."""
    task = await queue.claimed_by("pi")

    changed = await queue.change(task, priority=Priority.LOW, target="macbook")

    assert (changed.status, changed.claimed_by) == (Status.IN_PROGRESS, "pi")
    await queue.release(task, "pi")
    assert await queue.next_for("pi") is None


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_ended_task_is_not_changed(queue: QueueDriver, status: Status):
    """What has ended stays as it is."""
    task = await queue.ended(status)

    with pytest.raises(InvalidTransition):
        await queue.change(task, priority=Priority.LOW)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [case for case in REFUSED if case[0] in {field.name for field in fields(Changes)}],
)
async def test_change_to_what_cannot_be_stored_is_refused(
    queue: QueueDriver, field: str, value: Any, message: str
):
    """By the same rules as a submit; the task stays as it was."""
    task = await queue.submit()

    with pytest.raises(Invalid, match=field):
        await queue.change(task, **{field: value})

    assert await queue.get(task) == task


async def test_unknown_task_is_not_changed(queue: QueueDriver):
    """There must be a task."""
    with pytest.raises(TaskNotFound):
        await queue.services.tasks.change(TaskId(9), Changes(max_attempts=1), by=ALICE)


def test_bounds_are_those_of_the_specification():
    """20,000 characters, 16 KiB of metadata, a slug of 64 characters."""
    assert limits.DESCRIPTION_CHARACTERS_MAX == 20_000
    assert limits.METADATA_BYTES_MAX == 16_384
    assert Draft(description="x").priority is Priority.MEDIUM
