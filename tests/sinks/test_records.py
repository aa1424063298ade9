"""What the bot remembers over restarts, and what it finds while a person types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from athena.model.discord import Delivery, Outgoing, OutgoingKind, QuestionMessage
from athena.model.lifecycle import ENDED, OPEN
from athena.service.discord import DiscordRecords
from athena.store.base import Store
from tests.service.driver import QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES

DELIVERY = Delivery(task_id=5, guild_id=1 << 60, channel_id=(1 << 60) + 1, delivered=9)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(ENGINES))
async def store(
    request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[Store]:
    """An open, empty store of each engine."""
    async with ENGINES[request.param].build(tmp_path, clock) as store:
        yield store


@pytest.fixture
def records(store: Store) -> DiscordRecords:
    return DiscordRecords(store)


@pytest.fixture
def queue(store: Store, clock: ManualClock) -> QueueDriver:
    return QueueDriver(store, clock)


def outgoing(clock: ManualClock) -> Outgoing:
    return Outgoing(
        task_id=5,
        kind=OutgoingKind.NOTICE,
        channel_id=7,
        nonce="9-abcd",
        through=9,
        begun_at=clock.now(),
        content="✅ Task #5 completed",
        reply_to=8,
        mention=42,
        file_name="notes.txt",
        file_text="long",
    )


async def test_delivery_is_given_back_as_it_was_saved(records: DiscordRecords) -> None:
    """All of it, again and again; nothing where nothing was told."""
    assert await records.find(5) is None
    for delivery in (DELIVERY, replace(DELIVERY, card_id=3, thread_id=3, progress="• half")):
        await records.save(delivery)
        assert await records.find(5) == delivery


async def test_message_is_crossed_out_with_its_effect(
    records: DiscordRecords, clock: ManualClock
) -> None:
    """Begun, it is known as such; finished, the delivery has moved on in the same commit."""
    await records.save(DELIVERY)
    await records.begin(outgoing(clock))
    assert await records.begun(5) == outgoing(clock)

    await records.finish(replace(DELIVERY, delivered=9))

    assert await records.begun(5) is None
    assert (await records.find(5) or DELIVERY).delivered == 9


async def test_dropped_and_forgotten_leave_nothing(
    records: DiscordRecords, clock: ManualClock
) -> None:
    """What was refused is not sent again; what is gone is not remembered."""
    await records.save(DELIVERY)
    await records.begin(outgoing(clock))
    await records.drop(5)
    assert await records.begun(5) is None
    await records.begin(outgoing(clock))
    await records.forget(5)
    assert (await records.find(5), await records.begun(5)) == (None, None)


async def test_question_is_found_from_the_commit_that_crosses_its_message_out(
    records: DiscordRecords, clock: ManualClock
) -> None:
    """Its place is known once it is looked for no more; it goes alone or with its task."""
    shown = [
        QuestionMessage(question_id=n, task_id=5, channel_id=7, message_id=1 << 60, shown="d")
        for n in (1, 2)
    ]
    for each in shown:
        begun = replace(outgoing(clock), kind=OutgoingKind.QUESTION, question_id=each.question_id)
        await records.begin(begun)
        assert await records.begun(5) == begun
        await records.finish(DELIVERY, each)
    assert await records.questions_of(5) == shown
    assert await records.begun(5) is None

    await records.forget_question(1)

    assert (await records.question(1), await records.question(2)) == (None, shown[1])
    await records.forget(5)
    assert await records.questions_of(5) == []


async def test_fingerprints_are_kept_by_scope(records: DiscordRecords) -> None:
    """One for each guild and one for everywhere."""
    await records.save_commands("global", "a")
    await records.save_commands("123", "b")
    await records.save_commands("global", "c")
    assert await records.commands() == {"global": "c", "123": "b"}
    await records.forget_commands("123")
    assert await records.commands() == {"global": "c"}


async def test_choices_fit_what_is_typed(records: DiscordRecords, queue: QueueDriver) -> None:
    """By number, by its beginning, by words in any order; only of the statuses wanted."""
    await queue.submit("Deploy the new service")
    await queue.submit("Water the garden")
    await queue.submit("deploy the GARDEN gnome")

    async def found(typed: str, *, ended: bool = False) -> list[int]:
        statuses = ENDED if ended else OPEN
        return [c.task_id for c in await records.choices(typed, statuses=statuses, limit=25)]

    assert await found("") == [1, 2, 3]
    assert await found("garden deploy") == [3]
    assert await found("2") == [2]
    assert await found("#3") == [3]
    assert await found("%") == []
    assert await found("", ended=True) == []
    assert len(await records.choices("", statuses=OPEN, limit=2)) == 2
