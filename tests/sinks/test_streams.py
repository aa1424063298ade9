"""The waiting room of a task's events, and the gate before Discord."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from athena.model.event import SYSTEM, Event, EventId
from athena.sinks.discord_delivery import Gate, Stream

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def event(number: int, name: str = "task.progressed", **data: object) -> Event:
    return Event(id=EventId(number), type=name, task_id=5, at=NOW, actor=SYSTEM, data=data)


def test_steps_of_progress_take_each_others_place() -> None:
    """However many come, one waits; it keeps the words that a later one does not have."""
    stream = Stream(5)
    stream.add(event(1, instance="pi", message="half way", percent=40))
    stream.add(event(2, instance="pi", percent=50))
    assert len(stream.waiting) == 1
    assert stream.waiting[0].id == 2
    assert stream.waiting[0].data == {"instance": "pi", "message": "half way", "percent": 50}


def test_other_news_keeps_its_place() -> None:
    """Ends, claims and progress stay in order."""
    stream = Stream(5)
    names = ["task.claimed", "task.progressed", "task.completed", "task.retried", "task.claimed"]
    for number, name in enumerate(names):
        stream.add(event(number, name, instance="pi"))
    assert [each.type for each in stream.waiting] == names
    assert stream.urgent.is_set()


def test_what_is_being_told_still_counts_as_waiting() -> None:
    """The cursor must not pass it before it is told."""
    stream = Stream(5)
    stream.add(event(7))
    assert [each.id for each in stream.take()] == [7]
    stream.add(event(9))
    assert stream.first == 7
    stream.done()
    assert stream.first == 9


async def test_gate_closes_once_for_those_who_fail_together() -> None:
    """Four that fail at the same moment are one failure, not four."""
    gate = Gate()
    assert not gate.is_closed
    for _ in range(4):
        gate.close()
    assert gate.is_closed
    gate.open()
    assert not gate.is_closed
    async with asyncio.timeout(1):
        await gate.passed()


async def test_opened_gate_lets_those_who_wait_pass() -> None:
    """News from Discord ends the waiting at once."""
    gate = Gate()
    gate.close(3_600)
    waiting = asyncio.create_task(gate.passed())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.open()
    async with asyncio.timeout(1):
        await waiting
