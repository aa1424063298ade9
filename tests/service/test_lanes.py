"""A lane is a serial key: at most one of it in progress, strictly in order of submission."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.errors import LaneBusy
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Priority, Readiness, Task
from tests.service.driver import QueueDriver, finish


async def lane_of(queue: QueueDriver, number: int) -> list[Task]:
    return [await queue.submit(lane="deploy") for _ in range(number)]


async def readiness_of(queue: QueueDriver, tasks: list[Task]) -> list[str | None]:
    found = [await queue.readiness_of(task) for task in tasks]
    return [readiness.value if readiness else None for readiness in found]


async def test_only_the_head_is_ready(queue: QueueDriver):
    """The first submitted is ready, the others are held."""
    tasks = await lane_of(queue, 3)

    assert await readiness_of(queue, tasks) == ["ready", "held", "held"]


async def test_submit_answers_with_the_readiness_in_the_lane(queue: QueueDriver):
    """Who submits behind another is told so."""
    await queue.submit(lane="deploy")

    second = await queue.submit(lane="deploy")

    assert second.readiness is Readiness.HELD
    assert second == await queue.get(second)


async def test_one_of_a_lane_is_in_progress_at_a_time(queue: QueueDriver):
    """While one runs, nothing else of the lane is given out."""
    first, second = await lane_of(queue, 2)
    await queue.claim(first, by="pi")

    assert await queue.claim_next("macbook") is None
    with pytest.raises(LaneBusy):
        await queue.claim(second, by="macbook")


async def test_lanes_run_beside_each_other(queue: QueueDriver):
    """A lane holds nobody but its own."""
    await queue.claimed_by("pi", lane="a")

    await queue.submit(lane="b")
    await queue.submit()

    assert await queue.claim_next("macbook") is not None
    assert await queue.claim_next("macbook") is not None


@pytest.mark.parametrize("end", sorted(ENDED))
async def test_end_lets_the_next_go(queue: QueueDriver, end: Status):
    """Completed, failed or cancelled: the next of the lane becomes ready, and is told so."""
    first, second = await lane_of(queue, 2)
    held = await queue.claim(first, by="pi")

    match end:
        case Status.COMPLETED:
            await queue.complete(held, "pi")
        case Status.FAILED:
            await queue.fail(held, "pi", for_good=True)
        case _:
            await queue.cancel(held)

    assert await queue.readiness_of(second) is Readiness.READY
    assert await queue.story_of(second) == ["submitted", "ready"]


async def test_finish_and_claim_walks_along_the_lane(queue: QueueDriver):
    """Completing the head gives its worker the next of the lane in the same step."""
    first, second = await lane_of(queue, 2)
    held = await queue.claim(first, by="pi")

    claimed = await queue.claim_next("pi", finish=finish(held))

    assert claimed is not None
    assert claimed.id == second.id


async def test_cancelled_head_makes_way(queue: QueueDriver):
    """A pending head that is cancelled or removed lets the next go."""
    first, second, third = await lane_of(queue, 3)

    await queue.cancel(first)
    assert await readiness_of(queue, [second, third]) == ["ready", "held"]
    await queue.delete(second)
    assert await queue.readiness_of(third) is Readiness.READY


async def test_lane_stands_with_the_priority_of_its_head(queue: QueueDriver):
    """An urgent task behind a low head does not pull the lane forward."""
    head = await queue.submit(lane="deploy", priority=Priority.LOW)
    urgent = await queue.submit(lane="deploy", priority=Priority.URGENT)
    between = await queue.submit(priority=Priority.MEDIUM)

    order = [await queue.claim_next("pi"), await queue.claim_next("pi")]

    assert [task.id for task in order if task] == [between.id, head.id]
    assert await queue.readiness_of(urgent) is Readiness.HELD


# --- heads that cannot run --------------------------------------------------------------------


async def test_blocked_task_lets_those_behind_pass(queue: QueueDriver):
    """A task of the lane that waits for another does not hold those behind it."""
    other = await queue.submit()
    blocked = await queue.submit(lane="deploy", depends_on=(other,))
    behind = await queue.submit(lane="deploy")

    assert await readiness_of(queue, [blocked, behind]) == ["blocked", "ready"]


async def test_scheduled_task_lets_those_behind_pass(queue: QueueDriver):
    """Nor does one that is not due."""
    later = queue.clock.now() + timedelta(hours=1)
    scheduled = await queue.submit(lane="deploy", not_before=later)
    behind = await queue.submit(lane="deploy")

    assert await readiness_of(queue, [scheduled, behind]) == ["scheduled", "ready"]


async def test_task_that_became_due_stands_before_its_successors(queue: QueueDriver):
    """The order is that of submission: whoever was passed comes first again."""
    later = queue.clock.now() + timedelta(hours=1)
    scheduled = await queue.submit(lane="deploy", not_before=later)
    behind = await queue.submit(lane="deploy")

    await queue.advance(hours=1)

    assert await readiness_of(queue, [scheduled, behind]) == ["ready", "held"]


async def test_task_that_became_due_waits_for_the_running_one(queue: QueueDriver):
    """It does not overtake what runs meanwhile."""
    later = queue.clock.now() + timedelta(hours=1)
    scheduled = await queue.submit(lane="deploy", not_before=later)
    behind = await queue.submit(lane="deploy")
    held = await queue.claim(behind, by="pi")

    await queue.advance(hours=1)
    assert await queue.readiness_of(scheduled) is Readiness.HELD
    await queue.complete(held, "pi")

    assert await queue.readiness_of(scheduled) is Readiness.READY


async def test_unblocked_task_stands_before_its_successors(queue: QueueDriver):
    """As with time, so with a dependency that completes."""
    other = await queue.claimed_by("pi")
    blocked = await queue.submit(lane="deploy", depends_on=(other,))
    behind = await queue.submit(lane="deploy")

    await queue.complete(other, "pi")

    assert await readiness_of(queue, [blocked, behind]) == ["ready", "held"]


async def test_started_task_holds_its_lane_while_parked(queue: QueueDriver):
    """A source's tasks run strictly one after another: what was started is not overtaken."""
    first, second = await lane_of(queue, 2)
    await queue.park(await queue.claim(first, by="pi"), "pi")

    assert await readiness_of(queue, [first, second]) == ["parked", "held"]


async def test_started_task_holds_its_lane_while_it_waits_to_be_retried(queue: QueueDriver):
    """Also while a failed attempt waits."""
    first, second = await lane_of(queue, 2)
    await queue.fail(await queue.claim(first, by="pi"), "pi")

    assert await readiness_of(queue, [first, second]) == ["scheduled", "held"]
    await queue.advance(seconds=30)
    assert await readiness_of(queue, [first, second]) == ["ready", "held"]


async def test_started_task_holds_its_lane_while_blocked(queue: QueueDriver):
    """Also while it waits for a dependency that it was given later."""
    first, second = await lane_of(queue, 2)
    other = await queue.submit()
    await queue.release(await queue.claim(first, by="pi"), "pi")

    await queue.change(first, depends_on=(other,))

    assert await readiness_of(queue, [first, second]) == ["blocked", "held"]


async def test_expired_head_goes_first_again(queue: QueueDriver):
    """An expiry does not change the order."""
    first, second = await lane_of(queue, 2)
    await queue.claim(first, by="pi", lease=timedelta(minutes=1))

    await queue.advance(minutes=1)

    assert await readiness_of(queue, [first, second]) == ["ready", "held"]


async def test_expired_for_good_lets_the_next_go(queue: QueueDriver):
    """A head that failed by its expiry makes way."""
    first = await queue.submit(lane="deploy", max_attempts=1)
    second = await queue.submit(lane="deploy")
    await queue.claim(first, by="pi", lease=timedelta(minutes=1))

    await queue.advance(minutes=1)

    assert await queue.readiness_of(second) is Readiness.READY


async def test_retried_task_comes_back_to_its_old_place(queue: QueueDriver):
    """A retried task is first again, unless a later one runs already."""
    first, second = await lane_of(queue, 2)
    await queue.cancel(first)

    await queue.retry(first)

    assert await readiness_of(queue, [first, second]) == ["ready", "held"]


async def test_retried_task_waits_for_the_running_one(queue: QueueDriver):
    """What runs goes on."""
    first, second = await lane_of(queue, 2)
    await queue.cancel(first)
    held = await queue.claim(second, by="pi")

    await queue.retry(first)
    assert await queue.readiness_of(first) is Readiness.HELD
    await queue.release(held, "pi")

    assert await readiness_of(queue, [first, second]) == ["ready", "held"]


async def test_earlier_newcomer_goes_before_a_started_one(queue: QueueDriver):
    """Of an earlier task that became due and a later one that was started, the earlier is first."""
    later = queue.clock.now() + timedelta(hours=1)
    scheduled = await queue.submit(lane="deploy", not_before=later)
    started = await queue.submit(lane="deploy")
    await queue.park(await queue.claim(started, by="pi"), "pi", until=later + timedelta(minutes=1))

    await queue.advance(hours=1)

    assert await readiness_of(queue, [scheduled, started]) == ["ready", "parked"]


async def test_late_completion_leaves_the_running_one_alone(queue: QueueDriver):
    """Late work of a lane's former head ends it, and the lane goes on."""
    first = await queue.expired("pi", lane="deploy")
    second = await queue.submit(lane="deploy")

    await queue.complete(first, "pi")

    assert await queue.readiness_of(second) is Readiness.READY


async def test_change_of_the_head_moves_the_lane_on(queue: QueueDriver):
    """A head that is put off lets the next go; put back, it is first again."""
    first, second = await lane_of(queue, 2)

    await queue.change(first, not_before=queue.clock.now() + timedelta(hours=1))
    assert await readiness_of(queue, [first, second]) == ["scheduled", "ready"]
    changed = await queue.change(first, not_before=None)

    assert changed.readiness is Readiness.READY
    assert await queue.readiness_of(second) is Readiness.HELD


async def test_change_behind_the_head_keeps_the_order(queue: QueueDriver):
    """What is changed about one behind does not make it ready."""
    _, second = await lane_of(queue, 2)

    changed = await queue.change(second, priority=Priority.URGENT)

    assert changed.readiness is Readiness.HELD
