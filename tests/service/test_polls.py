"""Long polls: one poller is woken a task, a dead one passes it on, and no wake-up is lost."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from athena.model.errors import IdempotencyKeyReused, NotHolder
from athena.model.instance import Asker
from athena.model.lifecycle import Status
from athena.model.task import Priority
from athena.service.waking import Poller
from tests.service.driver import WORKER, QueueDriver, finish, once
from tests.service.polling import SOON, Pollers, got, here


async def test_poll_takes_what_is_there(queue: QueueDriver, pollers: Pollers):
    """Where there is work, nobody waits."""
    task = await queue.submit()

    poll = await pollers.wait_for_work("pi")

    assert got(poll) == task.id


async def test_poll_that_finds_nothing_ends_in_time(queue: QueueDriver, pollers: Pollers):
    """No task came: no task is given."""
    poll = await pollers.wait_for_work("pi", wait=SOON)

    assert await poll is None


async def test_submit_wakes_a_poller(queue: QueueDriver, pollers: Pollers):
    """A task that comes goes to who waits."""
    poll = await pollers.wait_for_work("pi")

    task = await queue.submit()

    assert await poll is not None
    assert got(poll) == task.id


async def test_one_task_wakes_one_poller(queue: QueueDriver, pollers: Pollers):
    """The others go on waiting."""
    polls = [await pollers.wait_for_work(f"pi-{n}") for n in range(5)]

    await queue.submit()
    await pollers.settle()

    assert [poll.done() for poll in polls] == [True, False, False, False, False]


async def test_each_of_many_tasks_finds_its_poller(queue: QueueDriver, pollers: Pollers):
    """Many at once: every poller gets one, and none twice."""
    polls = [await pollers.wait_for_work(f"pi-{n}") for n in range(20)]

    tasks = await asyncio.gather(*(queue.submit() for _ in range(20)))
    found = await asyncio.gather(*polls)

    assert sorted(task.id for task in found if task) == sorted(task.id for task in tasks)


async def test_wake_goes_to_one_that_fits(queue: QueueDriver, pollers: Pollers):
    """By target, by label, by project: those that cannot take it sleep on."""
    other = await pollers.wait_for_work("macbook", projects=("other",))
    by_label = await pollers.wait_for_work("pi-1", labels=("gpu",))
    by_project = await pollers.wait_for_work("pi-2", projects=("athena",))
    by_name = await pollers.wait_for_work("pi-3")

    named = await queue.submit(target="pi-3", project="x")
    labelled = await queue.submit(target="gpu", project="x")
    of_project = await queue.submit(project="athena")
    await asyncio.gather(by_label, by_project, by_name)

    assert (got(by_name), got(by_label), got(by_project)) == (named.id, labelled.id, of_project.id)
    assert not other.done()


async def test_dead_poller_takes_nothing(queue: QueueDriver, pollers: Pollers):
    """A client that has gone gets no task; the wake is passed on to the next."""
    gone = False
    dead = await pollers.wait_for_work("pi-1", is_gone=lambda: gone)
    alive = await pollers.wait_for_work("pi-2")
    gone = True

    task = await queue.submit()

    assert await dead is None
    assert await alive is not None
    assert got(alive) == task.id
    assert await queue.story_of(task) == ["submitted", "claimed"]


async def test_cancelled_poller_passes_its_wake_on(queue: QueueDriver, pollers: Pollers):
    """Also where the request is torn down between its wake and its try."""
    torn = await pollers.wait_for_work("pi-1")
    alive = await pollers.wait_for_work("pi-2")

    await queue.submit()
    torn.cancel()

    assert await alive is not None


async def test_claim_for_a_client_that_left_is_taken_back(queue: QueueDriver, pollers: Pollers):
    """What was claimed for a closed connection is released at once, and goes to another."""
    task = await queue.submit()

    nobody = await pollers.wait_for_work("pi-1", is_gone=lambda: True)

    assert await nobody is None
    assert await queue.status_of(task) is Status.PENDING
    assert await queue.story_of(task) == ["submitted", "claimed", "released"]
    assert (await queue.get(task)).failures == 0


async def test_task_taken_back_wakes_another(queue: QueueDriver, pollers: Pollers):
    """A release for a gone client is a task for who waits."""
    answers = iter([False, False, True, True, True])
    left = await pollers.wait_for_work("pi-1", is_gone=lambda: next(answers, True))
    alive = await pollers.wait_for_work("pi-2")

    task = await queue.submit()

    assert await left is None
    assert await alive is not None
    assert got(alive) == task.id


async def test_woken_poller_that_takes_a_better_task_passes_on(
    queue: QueueDriver, pollers: Pollers
):
    """The task that woke it is still there: the next poller hears of it."""
    picky = await pollers.wait_for_work("pi-1", projects=("athena",))
    open_to_all = await pollers.wait_for_work("pi-2")

    await asyncio.gather(
        queue.submit(project="athena", priority=Priority.LOW),
        queue.submit(project="athena", priority=Priority.URGENT),
    )
    await asyncio.gather(picky, open_to_all)

    assert {got(picky), got(open_to_all)} == {1, 2}


async def test_refused_poll_raises_and_passes_on(queue: QueueDriver, pollers: Pollers):
    """A poll whose repeat is refused leaves its wake to the others."""
    await queue.claim_next("pi-3", once=once("k1", fingerprint="first"))
    task = await queue.submit()
    await queue.claim_next("pi-3", once=once("k1", fingerprint="first"))

    refused = await pollers.wait_for_work("pi-1", once=once("k1", fingerprint="second"))

    with pytest.raises(IdempotencyKeyReused):
        await refused
    assert (await queue.get(task)).claimed_by == "pi-3"


# --- finish, repeats, the end -----------------------------------------------------------------


async def test_finish_commits_before_the_waiting(queue: QueueDriver, pollers: Pollers):
    """The task in hand is completed at once, however long no other comes."""
    task = await queue.claimed_by("pi")

    poll = await pollers.wait_for_work("pi", finish=finish(task))

    assert not poll.done()
    assert await queue.status_of(task) is Status.COMPLETED
    second = await queue.submit()
    assert await poll is not None
    assert got(poll) == second.id


async def test_refused_finish_ends_the_poll(queue: QueueDriver, pollers: Pollers):
    """Nothing is claimed, and nothing is waited for."""
    task = await queue.claimed_by("macbook")

    poll = await pollers.wait_for_work("pi", finish=finish(task))

    with pytest.raises(NotHolder):
        await poll


async def test_repeated_poll_gives_the_first_answer(queue: QueueDriver, pollers: Pollers):
    """A poll that is repeated by its name gives the task that it gave, and takes no other."""
    first = await pollers.wait_for_work("pi", once=once())
    await queue.submit()
    await queue.submit()

    again = await pollers.wait_for_work("pi", once=once())

    assert await first is not None
    assert await again == await first
    assert len(await queue.listed(Status.IN_PROGRESS)) == 1


async def test_poll_taken_back_may_be_repeated(queue: QueueDriver, pollers: Pollers):
    """An answer that never arrived is forgotten: the repeat gets a task that it holds."""
    task = await queue.submit()
    lost = await pollers.wait_for_work("pi", once=once(), is_gone=lambda: True)
    assert await lost is None

    again = await pollers.wait_for_work("pi", once=once())

    assert got(again) == task.id
    assert (await queue.get(task)).attempt == 2


async def test_stopping_ends_the_waiting(queue: QueueDriver, pollers: Pollers):
    """At the end of the server polls end without a task, and none begins to wait."""
    poll = await pollers.wait_for_work("pi")

    queue.services.polls.close()

    assert await poll is None
    late = await pollers.wait_for_work("pi")
    assert await late is None


async def test_poll_that_ends_with_the_server_takes_nothing(queue: QueueDriver, pollers: Pollers):
    """A task that comes while the server stops stays for the next life."""
    poll = await pollers.wait_for_work("pi")

    queue.services.polls.close()
    task = await queue.submit()

    assert await poll is None
    assert await queue.status_of(task) is Status.PENDING


async def test_wake_at_the_very_deadline_counts():
    """A loop that was busy past the poll's end still sees the wake that came before it looked."""
    poller = Poller()
    deadline = asyncio.get_running_loop().time() + SOON.total_seconds()
    waiting = asyncio.create_task(poller.wait(deadline=deadline, is_gone=here))
    await asyncio.sleep(0)

    time.sleep(2 * SOON.total_seconds())  # noqa: ASYNC251  (the busy loop is the point)
    poller.woken.set()

    assert await waiting


async def test_poller_keeps_a_bounded_number_of_wakes(queue: QueueDriver, pollers: Pollers):
    """Far more tasks than pollers in one moment: each poller gets one, the rest stays ready."""
    polls = [await pollers.wait_for_work(f"pi-{n}") for n in range(3)]

    await asyncio.gather(*(queue.submit() for _ in range(250)))
    await asyncio.gather(*polls)

    assert len({got(poll) for poll in polls}) == 3
    assert len(await queue.listed(Status.PENDING)) == 247


async def test_no_wake_up_is_lost_among_many(queue: QueueDriver, pollers: Pollers):
    """Workers that come and go, and tasks of all kinds: every task finds a worker."""
    tasks_left = 200

    async def work(name: str, projects: tuple[str, ...] | None) -> int:
        nonlocal tasks_left
        done = 0
        while tasks_left > 0:
            task = await queue.services.polls.claim(
                Asker(instance=name, projects=projects),
                lease=None,
                wait=timedelta(seconds=0.2),
                by=WORKER,
                is_gone=here,
            )
            if task is not None:
                tasks_left -= 1
                done += 1
                await queue.complete(task, name)
        return done

    async def feed() -> None:
        for n in range(200):
            await queue.submit(
                project=("a", "b", None)[n % 3], lane=f"lane-{n % 5}" if n % 4 == 0 else None
            )

    workers = [
        asyncio.create_task(work(f"pi-{n}", (("a",), ("b",), None)[n % 3])) for n in range(12)
    ]
    await feed()
    done = await asyncio.wait_for(asyncio.gather(*workers), timeout=60)

    assert sum(done) == 200
    assert await queue.listed(Status.PENDING, Status.IN_PROGRESS) == []
