"""The transcript of a task: who may write it, what is kept, and how it is read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model import limits
from athena.model.errors import NotHolder, TaskNotFound
from athena.model.event import SYSTEM
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Task
from athena.model.transcript import LineKind, Said, TranscriptPage
from athena.store.base import Reading
from tests.service.driver import ALICE, QueueDriver
from tests.store.clock import START

PAGE = limits.PAGE_MAX


def said(*texts: str) -> list[Said]:
    return [Said(kind=LineKind.TEXT, text=text) for text in texts]


async def append(
    queue: QueueDriver,
    task: Task,
    *texts: str,
    by: str = "pi",
    attempt: int | None = None,
    first: int = 0,
) -> int:
    return await queue.services.transcript.append(
        task.id,
        instance=by,
        attempt=task.attempt if attempt is None else attempt,
        first=first,
        lines=said(*texts),
    )


async def page(
    queue: QueueDriver, task: Task, *, after: int = 0, tail: int | None = None, limit: int = PAGE
) -> TranscriptPage:
    return await queue.services.transcript.page(task.id, after=after, limit=limit, tail=tail)


async def texts(queue: QueueDriver, task: Task) -> list[str]:
    return [line.text for line in (await page(queue, task)).lines]


def at_most(monkeypatch: pytest.MonkeyPatch, **bounds: int) -> None:
    for name, bound in bounds.items():
        monkeypatch.setattr(limits, name, bound)


# --- what is kept ---------------------------------------------------------------------------------


async def test_lines_are_kept_in_their_order(queue: QueueDriver):
    """By ids of the task, which go on over batches and attempts; numbers begin anew."""
    task = await queue.claimed_by("pi")
    assert await append(queue, task, "a", "b") == 2
    assert await append(queue, task, "c", first=2) == 3
    again = await queue.claim(await queue.release(task, "pi"), "mac")
    assert await append(queue, again, "d", by="mac") == 1

    found = (await page(queue, task)).lines

    assert [(line.id, line.attempt, line.number, line.text) for line in found] == [
        (1, 1, 0, "a"),
        (2, 1, 1, "b"),
        (3, 1, 2, "c"),
        (4, 2, 0, "d"),
    ]


async def test_line_has_its_own_time_or_that_of_its_coming(queue: QueueDriver):
    """In whole milliseconds."""
    task = await queue.claimed_by("pi")
    at = START - timedelta(days=1, milliseconds=7)
    lines = [Said(kind=LineKind.GIT, text="commit", at=at), Said(kind=LineKind.ERROR, text="")]

    await queue.services.transcript.append(task.id, instance="pi", attempt=1, first=0, lines=lines)

    found = (await page(queue, task)).lines
    assert [(line.at, line.kind, line.text) for line in found] == [
        (at, LineKind.GIT, "commit"),
        (queue.clock.now(), LineKind.ERROR, ""),
    ]


async def test_long_line_is_cut(queue: QueueDriver):
    """It is not refused, and shows that something is missing; one that just fits is left alone."""
    task = await queue.claimed_by("pi")
    most = limits.LINE_CHARACTERS_MAX

    await append(queue, task, "🦉" * most, "🦉" * (most + 1))

    assert await texts(queue, task) == ["🦉" * most, "🦉" * (most - 1) + "…"]


async def test_batch_may_be_sent_twice(queue: QueueDriver):
    """Known numbers are left out, also where only the beginning of a batch is known."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a", "b")

    assert await append(queue, task, "a", "b") == 2
    assert await append(queue, task, "a") == 2
    assert await append(queue, task, "b", "c", "d", first=1) == 4

    assert await texts(queue, task) == ["a", "b", "c", "d"]


async def test_numbers_may_be_missing(queue: QueueDriver):
    """A sender that lost some goes on; what is left out is not taken later."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a")

    assert await append(queue, task, "d", first=3) == 4
    assert await append(queue, task, "b", first=1) == 4

    found = (await page(queue, task)).lines
    assert [(line.id, line.number, line.text) for line in found] == [(1, 0, "a"), (2, 3, "d")]


async def test_nothing_else_happens(queue: QueueDriver):
    """No event, no renewal, no change of the task."""
    task = await queue.claimed_by("pi")
    story = await queue.story_of(task)
    queue.clock.advance(timedelta(minutes=5))

    await append(queue, task, "a")

    assert await queue.get(task) == task
    assert await queue.story_of(task) == story


# --- who may --------------------------------------------------------------------------------------


async def test_only_the_holder_writes(queue: QueueDriver):
    """Nobody else, and nobody under an attempt that is not his."""
    task = await queue.claimed_by("pi")

    for by, attempt in (("mac", 1), ("pi", 0), ("pi", 2), ("mac", 2)):
        with pytest.raises(NotHolder):
            await append(queue, task, "a", by=by, attempt=attempt)

    assert await texts(queue, task) == []


async def test_nobody_writes_of_what_was_never_claimed(queue: QueueDriver):
    """There is no attempt."""
    task = await queue.submit()

    for attempt in (0, 1):
        with pytest.raises(NotHolder):
            await append(queue, task, "a", attempt=attempt)


async def test_unknown_task_has_no_transcript(queue: QueueDriver):
    """Neither to write nor to read."""
    task = await queue.claimed_by("pi")
    await queue.delete(await queue.cancel(task))

    with pytest.raises(TaskNotFound):
        await append(queue, task, "a")
    with pytest.raises(TaskNotFound):
        await page(queue, task)


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "release", "park", "fail for now"])
async def test_last_lines_may_come_late(queue: QueueDriver, end: str):
    """However the hold ended: what was said in it is not lost on the way."""
    task = await queue.claimed_by("pi")
    match end:
        case "complete":
            await queue.complete(task, "pi")
        case "fail":
            await queue.fail(task, "pi", for_good=True)
        case "cancel":
            await queue.cancel(task)
        case "release":
            await queue.release(task, "pi")
        case "park":
            await queue.park(task, "pi")
        case _:
            await queue.fail(task, "pi")

    await append(queue, task, "the end")

    assert await texts(queue, task) == ["the end"]
    with pytest.raises(NotHolder):
        await append(queue, task, "a", by="mac")


async def test_lines_of_an_expired_attempt_are_taken(queue: QueueDriver):
    """The worker slept, and then sent what it had."""
    task = await queue.expired("pi")

    assert await append(queue, task, "a") == 1


@pytest.mark.parametrize("had_some", [True, False], ids=["had some", "first ones"])
async def test_lines_of_an_older_attempt_are_taken(queue: QueueDriver, had_some: bool):
    """From whoever held that attempt, although another holds the task by now."""
    task = await queue.claimed_by("pi")
    if had_some:
        await append(queue, task, "a")
    await queue.release(task, "pi")
    again = await queue.claim(task, "mac")
    await append(queue, again, "b", by="mac")

    await append(queue, task, "c", first=int(had_some))

    assert (await texts(queue, task))[-2:] == ["b", "c"]
    for by, attempt in (("mac", 1), ("pi", 2)):
        with pytest.raises(NotHolder):
            await append(queue, task, "d", by=by, attempt=attempt, first=9)


async def test_lines_of_each_of_many_attempts_find_their_holder(queue: QueueDriver):
    """The log tells who held which, whatever lies in between."""
    task = await queue.submit()
    for place in range(5):
        task = await queue.claim(task, f"pi-{place}")
        await queue.progress(task, f"pi-{place}", percent=place)
        task = await queue.release(task, f"pi-{place}")

    for attempt in (3, 1, 5, 2, 4):
        with pytest.raises(NotHolder):
            await append(queue, task, "a", by="pi-9", attempt=attempt)
        await append(queue, task, str(attempt), by=f"pi-{attempt - 1}", attempt=attempt)

    assert await texts(queue, task) == ["3", "1", "5", "2", "4"]


async def test_holder_that_is_no_longer_known_is_refused(queue: QueueDriver):
    """Its claim is older than the log: better no line than one of a stranger."""
    task = await queue.claimed_by("pi")
    await queue.release(task, "pi")
    await queue.claim(task, "mac")
    queue.clock.advance(timedelta(days=91))
    await queue.services.sweeping.retain(timedelta(days=90), sinks=())

    with pytest.raises(NotHolder):
        await append(queue, task, "a")
    assert await append(queue, task, "b", by="mac", attempt=2) == 1


async def test_retry_keeps_the_transcript(queue: QueueDriver):
    """It clears the result, not the story; the old attempt's sender is still known."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a")
    await queue.fail(task, "pi", for_good=True)
    await queue.retry(task)

    await append(queue, task, "b", first=1)

    assert await texts(queue, task) == ["a", "b"]


# --- the caps -------------------------------------------------------------------------------------


async def test_oldest_lines_go_where_there_are_too_many(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """A page says how many; ids go on."""
    at_most(monkeypatch, LINES_OF_A_TASK_MAX=5)
    task = await queue.claimed_by("pi")
    await append(queue, task, "a", "b", "c", "d")

    await append(queue, task, "e", "f", "g", first=4)

    found = await page(queue, task)
    assert [line.text for line in found.lines] == ["c", "d", "e", "f", "g"]
    assert [line.id for line in found.lines] == [3, 4, 5, 6, 7]
    assert (found.dropped, found.next_after) == (2, 7)


async def test_oldest_lines_go_where_they_are_too_long(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """Bytes count, not characters; no more goes than has to."""
    at_most(monkeypatch, TEXT_BYTES_OF_A_TASK_MAX=100)
    task = await queue.claimed_by("pi")
    await append(queue, task, "a" * 20, "é" * 20, "b" * 40)

    await append(queue, task, "c" * 30, first=3)
    assert [text[0] for text in await texts(queue, task)] == ["b", "c"]

    await append(queue, task, "d" * 30, first=4)
    assert [text[0] for text in await texts(queue, task)] == ["b", "c", "d"]
    assert (await page(queue, task)).dropped == 2


async def test_many_small_lines_make_room_for_a_long_one(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """However many of them it takes."""
    at_most(monkeypatch, TEXT_BYTES_OF_A_TASK_MAX=2_000)
    task = await queue.claimed_by("pi")
    for first in range(0, 2_000, 200):
        await append(queue, task, *("x" * 200), first=first)

    await append(queue, task, "y" * 1_500, first=2_000)

    found = await page(queue, task)
    assert found.dropped == 1_500
    assert (await page(queue, task, tail=1)).lines[0].text == "y" * 1_500


async def test_bytes_are_counted_rightly_in_the_long_run(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """After any number of batches what is kept is as much as may be kept, and no more."""
    at_most(monkeypatch, TEXT_BYTES_OF_A_TASK_MAX=1_000, LINES_OF_A_TASK_MAX=60)
    task = await queue.claimed_by("pi")
    number = 0
    for round_ in range(40):
        batch = ["ü" * ((number + k) * 7 % 45) for k in range(round_ % 6 + 1)]
        number = await append(queue, task, *batch, first=number)

        found = await page(queue, task)
        size = sum(len(line.text.encode()) for line in found.lines)
        assert size <= 1_000
        assert len(found.lines) <= 60
        assert found.dropped + len(found.lines) == number


# --- reading --------------------------------------------------------------------------------------


async def test_pages_lead_through_all_lines(queue: QueueDriver):
    """Each once, in order; at the end the position stays."""
    task = await queue.claimed_by("pi")
    await append(queue, task, *"abcdefg")
    seen, after = "", 0

    while found := (part := await page(queue, task, after=after, limit=3)).lines:
        seen += "".join(line.text for line in found)
        after = part.next_after

    assert (seen, after) == ("abcdefg", 7)
    assert (await page(queue, task, after=7)).next_after == 7


async def test_position_beyond_the_end_is_the_end(queue: QueueDriver):
    """It is of another life of the store, and who has it must not miss what comes."""
    task = await queue.claimed_by("pi")
    await append(queue, task, "a")

    assert (await page(queue, task, after=2**62)).next_after == 1


async def test_tail_is_the_end(queue: QueueDriver):
    """The last so many, of those after the position."""
    task = await queue.claimed_by("pi")
    await append(queue, task, *"abcdefg")

    async def tail(number: int, after: int = 0) -> str:
        found = await page(queue, task, tail=number, after=after, limit=1)
        assert found.next_after == 7
        return "".join(line.text for line in found.lines)

    assert await tail(3) == "efg"
    assert await tail(100) == "abcdefg"
    assert await tail(3, after=5) == "fg"
    assert await tail(3, after=7) == ""


async def test_position_that_was_dropped_starts_with_what_is_left(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """A gap in the ids tells the reader."""
    at_most(monkeypatch, LINES_OF_A_TASK_MAX=3)
    task = await queue.claimed_by("pi")
    for number, text in enumerate("abcdefg"):
        await append(queue, task, text, first=number)

    found = await page(queue, task, after=1, limit=2)

    assert [line.id for line in found.lines] == [5, 6]


# --- the end of it --------------------------------------------------------------------------------


async def rows(queue: QueueDriver) -> int:
    """How many rows all transcripts together have."""
    start = {"task_id": -1, "attempt": -1, "id": -1, "limit": 100_000}

    async def count(reading: Reading) -> int:
        names = ("transcripts", "transcript_attempts", "transcript_lines")
        return sum([len(await reading.fetch_all(f"export_{name}", start)) for name in names])

    return await queue.store.read(count)


async def test_lines_go_with_their_task(queue: QueueDriver):
    """Deleted, purged or grown old."""
    for how in ("delete", "purge", "retention"):
        task = await queue.claimed_by("pi")
        await append(queue, task, "a", "b")
        await queue.complete(task, "pi")
        queue.clock.advance(timedelta(days=91))
        match how:
            case "delete":
                await queue.delete(task)
            case "purge":
                await queue.services.tasks.purge(statuses=ENDED, before=queue.clock.now(), by=ALICE)
            case _:
                await queue.services.sweeping.retain(timedelta(days=90), sinks=())

        assert await rows(queue) == 0, how


async def test_purge_goes_by_the_number_of_lines(
    queue: QueueDriver, monkeypatch: pytest.MonkeyPatch
):
    """No transaction takes many tasks and all their lines; in the end all are gone."""
    at_most(monkeypatch, PURGE_LINES=5)
    kept = await queue.claimed_by("pi")
    await append(queue, kept, "stay")
    for lines in (4, 0, 3, 9, 0, 2, 2):
        task = await queue.claimed_by("pi")
        await append(queue, task, *("x" * lines)) if lines else None
        await queue.complete(task, "pi")
    queue.clock.advance(timedelta(seconds=1))
    writes: list[list[int | None]] = []
    queue.store.on_commit(
        lambda committed: writes.append(
            [e.task_id for e in committed.events if e.type.endswith("deleted")]
        )
    )

    removed = await queue.services.tasks.purge(statuses=ENDED, before=queue.clock.now(), by=SYSTEM)

    assert removed == 7
    assert [len(ids) for ids in writes if ids] == [2, 1, 1, 3]
    assert await texts(queue, kept) == ["stay"]
    assert await queue.listed(Status.COMPLETED) == []
