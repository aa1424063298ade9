"""Everything that can make a task claimable wakes who waits for one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.lifecycle import Status
from tests.service.driver import QueueDriver
from tests.service.polling import Pollers


async def test_due_time_wakes(queue: QueueDriver, pollers: Pollers):
    """A task whose time comes is news."""
    await queue.submit(not_before=queue.clock.now() + timedelta(minutes=1))
    poll = await pollers.wait_for_work("pi")

    await queue.advance(minutes=1)

    assert await poll is not None


async def test_resume_wakes(queue: QueueDriver, pollers: Pollers):
    """The end of a pause has everybody try again."""
    await queue.submit()
    await queue.pause()
    poll = await pollers.wait_for_work("pi")

    await queue.resume()

    assert await poll is not None


async def test_expiry_wakes(queue: QueueDriver, pollers: Pollers):
    """A task taken from a silent holder is news."""
    await queue.claimed_by("macbook", lease=timedelta(minutes=1))
    poll = await pollers.wait_for_work("pi")

    await queue.advance(minutes=1)

    assert await poll is not None


async def test_release_wakes(queue: QueueDriver, pollers: Pollers):
    """A task given back is news."""
    task = await queue.claimed_by("macbook")
    poll = await pollers.wait_for_work("pi")

    await queue.release(task, "macbook")

    assert await poll is not None


async def test_retry_wakes(queue: QueueDriver, pollers: Pollers):
    """A task tried again is news."""
    task = await queue.ended(Status.FAILED)
    poll = await pollers.wait_for_work("pi")

    await queue.retry(task)

    assert await poll is not None


async def test_lane_that_moves_on_wakes(queue: QueueDriver, pollers: Pollers):
    """The lane's next head is news."""
    first = await queue.claimed_by("macbook", lane="deploy")
    await queue.submit(lane="deploy")
    poll = await pollers.wait_for_work("pi")

    await queue.complete(first, "macbook")

    assert await poll is not None


async def test_removed_head_of_a_lane_wakes(queue: QueueDriver, pollers: Pollers):
    """Also where the former head was removed."""
    first = await queue.submit(lane="deploy", target="macbook")
    await queue.submit(lane="deploy")
    poll = await pollers.wait_for_work("pi")

    await queue.delete(first)

    assert await poll is not None


async def test_dependency_that_completes_wakes(queue: QueueDriver, pollers: Pollers):
    """A task freed by its dependency is news."""
    first = await queue.claimed_by("macbook")
    await queue.submit(depends_on=(first,))
    poll = await pollers.wait_for_work("pi")

    await queue.complete(first, "macbook")

    assert await poll is not None


@pytest.mark.parametrize("changes", [{"target": None}, {"target": "pi"}, {"target": "gpu"}])
async def test_change_of_the_target_wakes(
    queue: QueueDriver, pollers: Pollers, changes: dict[str, str | None]
):
    """A task that is meant for others now is news to them."""
    task = await queue.submit(target="macbook")
    poll = await pollers.wait_for_work("pi", labels=("gpu",))

    await queue.change(task, **changes)

    assert await poll is not None


async def test_change_of_the_project_wakes(queue: QueueDriver, pollers: Pollers):
    """So is one that was moved to their project."""
    task = await queue.submit(project="other")
    poll = await pollers.wait_for_work("pi", projects=("athena",))

    await queue.change(task, project="athena")

    assert await poll is not None


async def test_end_of_a_reservation_wakes(queue: QueueDriver, pollers: Pollers):
    """What its holder did not come back for is news to the others."""
    task = await queue.claimed_by("macbook")
    await queue.park(task, "macbook", until=queue.clock.now())
    poll = await pollers.wait_for_work("pi")

    await queue.advance(minutes=10)

    assert await poll is not None


async def test_new_labels_wake(queue: QueueDriver, pollers: Pollers):
    """A heartbeat with another label lets a waiting poll of that instance fit."""
    await queue.submit(target="gpu")
    poll = await pollers.wait_for_work("pi")

    await queue.announce("pi", labels=("gpu",))

    assert await poll is not None
