"""Claims of one group: what is looked up for all of them at once is lost to none of them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from athena.model.errors import TaskNotFound
from athena.model.instance import Asker
from athena.model.task import TaskId
from athena.service.claims import Finish
from athena.service.once import Once
from tests.service.driver import WORKER, QueueDriver
from tests.service.polling import Poll, got, here

# Long enough for an answer, and short where nothing would ever wake it.
WAIT = timedelta(seconds=5)


@pytest.fixture
async def workers(queue: QueueDriver) -> None:
    """Known already: their claims write nothing before they have a task."""
    for name in ("mac", "pi"):
        await queue.announce(name)


def poll(
    queue: QueueDriver, instance: str, *, finish: Finish | None = None, once: Once | None = None
) -> Poll:
    """A long poll that begins together with others."""
    waiting = queue.services.polls.claim(
        Asker(instance=instance),
        lease=None,
        wait=WAIT,
        by=WORKER,
        is_gone=here,
        finish=finish,
        once=once,
    )
    return asyncio.create_task(waiting)


@pytest.mark.usefixtures("workers")
async def test_task_for_a_claim_that_is_refused_goes_to_the_next(queue: QueueDriver):
    """Nobody is woken by a task that was ready all the time, so whoever asks must find it."""
    task = await queue.submit()
    refused = poll(queue, "mac", finish=Finish(task_id=TaskId(99), attempt=1))
    asking = poll(queue, "pi")

    await asyncio.wait([refused, asking])

    assert isinstance(refused.exception(), TaskNotFound)
    assert got(asking) == task.id


@pytest.mark.usefixtures("workers")
async def test_task_for_a_claim_that_was_answered_before_goes_to_the_next(queue: QueueDriver):
    """A repeated request gets what it got, and leaves what was meant for it."""
    once = Once(owner="key:1", key="a", fingerprint="f")
    first = await queue.submit()
    await queue.claim_next("mac", once=once)
    second = await queue.submit()
    repeated = poll(queue, "mac", once=once)
    asking = poll(queue, "pi")

    await asyncio.wait([repeated, asking])

    assert (got(repeated), got(asking)) == (first.id, second.id)


@pytest.mark.usefixtures("workers")
async def test_task_that_is_removed_before_its_turn_is_no_error(queue: QueueDriver):
    """The claim it was meant for looks for another one."""
    removed, *others = [await queue.submit() for _ in range(3)]
    removing = asyncio.create_task(queue.delete(removed))
    asking = [poll(queue, "mac"), poll(queue, "pi")]

    await asyncio.wait([removing, *asking])

    # Where the claims came first, the removal was refused.
    taken = [removed, *others][:2] if removing.exception() else others
    assert [got(one) for one in asking] == [task.id for task in taken]
