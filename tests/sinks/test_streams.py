"""The waiting room of a task's events, and the gate before Discord."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from athena.model.event import SYSTEM, Event, EventId
from athena.sinks.discord_streams import Gate, Stream, Turns

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
    async with asyncio.timeout(20):
        await gate.passed()


async def test_opened_gate_lets_those_who_wait_pass() -> None:
    """News from Discord ends the waiting at once."""
    gate = Gate()
    gate.close(3_600)
    waiting = asyncio.create_task(gate.passed())
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.open()
    async with asyncio.timeout(20):
        await waiting


async def test_turns_go_to_the_most_urgent_then_to_the_first() -> None:
    """An end does not wait behind a thousand new cards."""
    turns, order = Turns(1), []
    begin = asyncio.Event()

    async def one(name: str, rank: int) -> None:
        async with turns.take(rank):
            order.append(name)
            await begin.wait()

    running = []
    for name, rank in (("first", 1), ("card", 1), ("gone", 0), ("card 2", 1), ("end", 0)):
        running.append(asyncio.create_task(one(name, rank)))
        await asyncio.sleep(0)
    running[2].cancel()
    begin.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*running, return_exceptions=True)
        assert order == ["first", "end", "card", "card 2"]
        async with turns.take(1):
            pass


def test_ends_and_people_come_first() -> None:
    """What somebody waits for is urgent; what a program has submitted can wait."""
    end, person, program = Stream(1), Stream(2), Stream(3)
    end.add(event(1, "task.claimed"))
    end.add(event(2, "task.completed"))
    person.add(event(3, "task.submitted", created_via="discord"))
    program.add(event(4, "task.submitted", created_via="api"))
    assert [stream.rank for stream in (end, person, program)] == [0, 0, 1]
