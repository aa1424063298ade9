"""Messages: a word to whoever holds a task, or the start of one that follows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from athena.model import limits
from athena.model.errors import Invalid, TaskNotFound, TooManyMessages
from athena.model.lifecycle import Status
from athena.model.message import Message, MessageId
from athena.model.task import Priority, Readiness, Task, TaskId
from tests.service.driver import QueueDriver

SESSION = {"success": True, "session_id": "session-7"}


async def done_by(instance: str, queue: QueueDriver, **said: object) -> Task:
    """A new task that was completed in a Claude session."""
    task = await queue.claimed_by(instance, **said)
    return await queue.complete(task, instance, result=SESSION)


async def test_word_to_a_running_task(queue: QueueDriver):
    """It is kept, and its holder learns of it by an event that names it."""
    task = await queue.claimed_by("pi")

    sent = await queue.send(task, "Use PostgreSQL.", sent_by="bob", via="discord")

    assert sent.follow_up is None
    assert sent.message == Message(
        id=MessageId(1),
        task_id=task.id,
        text="Use PostgreSQL.",
        sent_by="bob",
        sent_via="discord",
        sent_at=queue.clock.now(),
    )
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data) == ("message.sent", {"message": 1, "instance": "pi"})
    assert await queue.get(task) == task


async def test_word_to_a_pending_task(queue: QueueDriver):
    """Nobody holds it; the next one reads it."""
    task = await queue.submit()

    sent = await queue.send(task)

    assert (sent.message.sent_by, sent.message.sent_via) == ("alice", "api")
    assert (await queue.history_of(task))[-1].data == {"message": 1}
    assert await queue.services.messages.list(task.id) == [sent]


async def test_word_to_an_ended_task_is_a_follow_up(queue: QueueDriver):
    """A new task that continues the session, in the old one's place; the message stays there."""
    await queue.announce("pi", labels=("gpu",))
    task = await done_by(
        "pi", queue, project="athena", target="gpu", lane="docs", priority=Priority.HIGH
    )

    sent = await queue.send(
        task, "Now the docs.", sent_by="bob", via="discord", submitter="discord:1"
    )

    follow_up = sent.follow_up
    assert follow_up is not None
    assert follow_up == await queue.get(follow_up)
    assert (follow_up.description, follow_up.continues) == ("Now the docs.", "session-7")
    assert (follow_up.project, follow_up.target) == ("athena", "gpu")
    assert (follow_up.lane, follow_up.priority) == ("docs", Priority.HIGH)
    assert follow_up.metadata == {"follows": task.id}
    assert (follow_up.created_by, follow_up.created_via) == ("bob", "discord")
    assert follow_up.submitter == "discord:1"
    assert follow_up.max_attempts == 3
    assert (sent.message.task_id, sent.message.follow_up) == (task.id, follow_up.id)
    assert (await queue.history_of(task))[-1].data == {"message": 1, "follow_up": follow_up.id}
    assert await queue.story_of(follow_up) == ["submitted"]
    assert await queue.get(task) == task


async def test_who_has_the_session_gets_the_follow_up_first(queue: QueueDriver):
    """For ten minutes; then anybody."""
    follow_up = (await queue.send(await done_by("pi", queue))).follow_up
    assert follow_up is not None

    assert await queue.next_for("mac") is None
    assert await queue.next_for("pi") == follow_up.id
    await queue.advance(minutes=10)

    assert await queue.next_for("mac") == follow_up.id


async def test_follow_up_without_a_session_is_anybodys(queue: QueueDriver):
    """A task that was never in a session has nothing to continue, whoever held it."""
    completed = await queue.ended(Status.COMPLETED)
    cancelled = await queue.cancel(await queue.submit())

    followers = [(await queue.send(task)).follow_up for task in (completed, cancelled)]

    assert [(task and task.continues, task and task.offered_to) for task in followers] == [
        (None, None)
    ] * 2


async def test_follow_up_takes_its_turn_in_the_lane(queue: QueueDriver):
    """A lane is strictly in the order of submission."""
    task = await done_by("pi", queue, lane="docs")
    await queue.claimed_by("mac", lane="docs")

    sent = await queue.send(task)

    assert sent.follow_up is not None
    assert sent.follow_up.readiness is Readiness.HELD


async def test_messages_are_read_in_order_from_a_place(queue: QueueDriver):
    """With their follow-ups as they are now; of one that was removed there is none."""
    task = await done_by("pi", queue)
    other = await queue.submit()
    sent = [await queue.send(task, f"word {number}") for number in range(4)]
    await queue.send(other)
    first, second = sent[0].follow_up, sent[1].follow_up
    assert first is not None
    assert second is not None
    await queue.delete(first)
    second = await queue.cancel(second)
    read = queue.services.messages.list

    everything = await read(task.id)

    assert [one.message for one in everything] == [one.message for one in sent]
    assert everything[0].follow_up is None
    assert everything[1].follow_up == second
    assert everything[3].follow_up == sent[3].follow_up
    assert await read(task.id, after=sent[1].message.id, limit=1) == [sent[2]]
    assert await read(task.id, after=99) == []


async def test_follow_up_may_be_followed(queue: QueueDriver):
    """A conversation over tasks: each continues the session of the one before."""
    task = await done_by("pi", queue)
    for number in range(3):
        sent = await queue.send(task, f"word {number}")
        assert sent.follow_up is not None
        assert sent.follow_up.metadata == {"follows": task.id}
        claimed = await queue.claim(sent.follow_up, by="pi")
        task = await queue.complete(claimed, "pi", result=SESSION)


async def test_no_word_to_nothing(queue: QueueDriver):
    """There must be such a task, to write to and to read of."""
    task = replace(await queue.submit(), id=TaskId(99))

    with pytest.raises(TaskNotFound):
        await queue.send(task)
    with pytest.raises(TaskNotFound):
        await queue.services.messages.list(task.id)


@pytest.mark.parametrize(
    ("field", "text", "sent_by"),
    [
        ("text", " ", None),
        ("text", "x" * 20_001, None),
        ("text", "\x00", None),
        ("created_by", "hi", "x" * 129),
    ],
)
async def test_what_cannot_be_said(queue: QueueDriver, field: str, text: str, sent_by: str | None):
    """It is refused by the name of its field, also where it would have been a new task."""
    for task in (await queue.submit(), await done_by("pi", queue)):
        with pytest.raises(Invalid) as refusal:
            await queue.send(task, text, sent_by=sent_by)
        assert [error.field for error in refusal.value.errors] == [field]

    assert len(await queue.listed()) == 2


async def test_messages_are_bounded(queue: QueueDriver, monkeypatch: pytest.MonkeyPatch):
    """So many to a task; then no more, and no follow-up either."""
    monkeypatch.setattr(limits, "MESSAGES_OF_A_TASK_MAX", 1)
    task = await done_by("pi", queue)
    await queue.send(task)

    with pytest.raises(TooManyMessages):
        await queue.send(task)

    assert len(await queue.listed()) == 2


async def test_removed_task_takes_its_messages_along(queue: QueueDriver):
    """The follow-up stays: it is a task of its own."""
    task = await done_by("pi", queue)
    sent = await queue.send(task)
    assert sent.follow_up is not None

    await queue.delete(task)

    assert (await queue.get(sent.follow_up)).metadata == {"follows": task.id}
    with pytest.raises(TaskNotFound):
        await queue.services.messages.list(task.id)
