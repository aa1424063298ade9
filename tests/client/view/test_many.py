"""However much there is and happens: bounded memory, bounded requests, and never a poll a task."""

import asyncio
import itertools
import time

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.view.picture import PENDING_FIRST, PENDING_MAX

TASKS = 2_000  # four times as many as a view keeps


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """An Athena with more tasks that wait than any list shows."""
    from tests.running import RunningServer

    server = RunningServer(tmp_path_factory.mktemp("crowded")).start()

    async def fill():
        async with AsyncAthena(server.url, server.key, instance="crowd") as athena:
            numbers = iter(range(TASKS))

            async def submit():
                for number in numbers:
                    await athena.submit(f"Task {number} " + "of many " * 50)

            await asyncio.gather(*(submit() for _ in range(32)))

    asyncio.run(fill())
    yield server
    server.end()


def counted(looker):
    """Counts the requests of the view from now on."""
    calls = []
    wire = looker.app._looking._wire
    send = wire.send

    async def counting(call):
        calls.append(call)
        return await send(call)

    wire.send = counting
    return calls


async def test_any_number_of_tasks_costs_a_page(crowded, look):
    """What is further down comes when somebody goes there, up to a bound; the rest is found."""
    async with look((80, 24), at=crowded) as looker:
        await looker.sees(f"Pending {TASKS}", "Task ")
        first = len(looker.app._picture.pending)
        kept = sum(len(task.description) for task in looker.app._picture.pending)
        await looker.goes_to("pending")
        pending = looker.app._lists.pending
        while (shown := pending.line_count) <= PENDING_MAX:
            await looker.press("end")
            await looker.until(lambda shown=shown: pending.line_count > shown)
        await looker.press("end")
        await looker.sees("… more wait behind these 500: / finds others")
        await looker.press("slash", *f"Task {TASKS - 1}", "enter")
        await looker.sees("Pending 1", f"Task {TASKS - 1} of")

    assert first == PENDING_FIRST
    assert kept <= PENDING_FIRST * 400


async def test_a_hundred_events_a_second_cost_a_few_requests(crowded, look):
    """Many events are one look; progress costs none; a key is obeyed meanwhile."""
    async with (
        look((120, 40), at=crowded) as looker,
        AsyncAthena(crowded.url, crowded.key, instance="busy") as busy,
    ):
        await looker.sees(f"Pending {TASKS}")
        task = await busy.claim_next()
        assert task is not None
        await looker.sees("Running 1")
        calls = counted(looker)
        started = time.monotonic()
        for number in range(300):
            await busy.progress(task, percent=number % 100, message=f"step {number}")
        for _ in range(60):
            await busy.submit("one more")
        await looker.sees("step 299", f"Pending {TASKS + 59}")
        seconds = time.monotonic() - started
        await looker.press("question_mark")
        await looker.sees("Keys")
        await busy.release(task)

    by_path = {
        path: len([*each]) for path, each in itertools.groupby(sorted(c.path for c in calls))
    }
    assert sum(by_path.values()) <= 12 * (seconds + 2)
    assert f"/api/tasks/{task.id}" not in by_path


async def test_nothing_is_asked_for_while_nothing_happens(athena, look, pi):
    """Ages grow on the screen alone."""
    for number in range(20):
        pi.submit(f"task {number}")
    async with look() as looker:
        await looker.sees("Pending 20")
        await looker.until(lambda: not looker.app._looking._wanted)
        calls = counted(looker)
        await looker.until(lambda: "5 s" in looker.text())

    assert len(calls) <= 1


async def test_at_most_four_logs_are_followed(athena, look, pi):
    """Each takes one of the streams that a key may have open."""
    tasks = []
    for number in range(7):
        pi.submit(f"task {number}")
        tasks.append(pi.claim_next())
        pi.append_log(tasks[-1], [{"kind": "text", "text": f"said by {tasks[-1].id}"}], first=0)

    async with look((110, 60)) as looker:
        await looker.sees("Running 7", "said by")
        await looker.until(lambda: len(looker.app._tails._following) == 4)
        await looker.goes_to("running")
        await looker.press("end")
        await looker.sees(f"said by {tasks[-1].id}")

        assert len(looker.app._tails._following) == 4
