"""Tasks that wait: for a time, parked by their holder, reserved for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.errors import TaskIsParked
from athena.model.lifecycle import Status
from athena.model.task import Readiness
from tests.service.driver import QueueDriver

# --- not before -------------------------------------------------------------------------------


async def test_scheduled_task_is_not_claimable_earlier(queue: QueueDriver):
    """It is scheduled until its time, then ready, and told so."""
    task = await queue.submit(not_before=queue.clock.now() + timedelta(minutes=5))

    await queue.advance(minutes=5, milliseconds=-1)
    assert await queue.claim_next("pi") is None
    assert await queue.readiness_of(task) is Readiness.SCHEDULED
    await queue.advance(milliseconds=1)

    assert await queue.next_for("pi") == task.id
    assert await queue.story_of(task) == ["submitted", "ready"]


async def test_time_that_has_passed_holds_nothing(queue: QueueDriver):
    """A time in the past is as good as none."""
    task = await queue.submit(not_before=queue.clock.now() - timedelta(days=400))

    assert task.readiness is Readiness.READY


async def test_schedule_goes_by_the_wall_clock(queue: QueueDriver):
    """Times are those that people see: setting the clock moves them."""
    task = await queue.submit(not_before=queue.clock.now() + timedelta(hours=5))

    queue.clock.step_wall(timedelta(hours=5))
    await queue.sweep()

    assert await queue.readiness_of(task) is Readiness.READY


async def test_more_due_tasks_than_one_slice(queue: QueueDriver):
    """However many come due together, one sweep makes all of them ready."""
    soon = queue.clock.now() + timedelta(minutes=1)
    tasks = [await queue.submit(not_before=soon) for _ in range(120)]

    await queue.advance(minutes=1)

    assert {await queue.readiness_of(task) for task in tasks} == {Readiness.READY}


async def test_blocked_counts_before_scheduled(queue: QueueDriver):
    """What is blocked and scheduled is blocked; once freed, it is scheduled."""
    first = await queue.claimed_by("pi")
    task = await queue.submit(
        depends_on=(first,), not_before=queue.clock.now() + timedelta(minutes=5)
    )
    assert task.readiness is Readiness.BLOCKED

    await queue.complete(first, "pi")
    assert await queue.readiness_of(task) is Readiness.SCHEDULED
    assert await queue.story_of(task) == ["submitted"]
    await queue.advance(minutes=5)

    assert await queue.readiness_of(task) is Readiness.READY


async def test_release_of_a_task_put_off_meanwhile(queue: QueueDriver):
    """A time set while it runs holds it once it is given back."""
    task = await queue.claimed_by("pi")
    await queue.change(task, not_before=queue.clock.now() + timedelta(hours=1))

    assert (await queue.release(task, "pi")).readiness is Readiness.SCHEDULED


# --- parked -----------------------------------------------------------------------------------


async def test_parked_task_waits_without_a_failure(queue: QueueDriver):
    """Given back to wait until a time, with the session kept."""
    until = queue.clock.now() + timedelta(hours=3)
    task = await queue.claimed_by("pi")

    parked = await queue.park(task, "pi", until=until, session_id="s-1", notes="usage limit")

    assert (parked.status, parked.readiness) == (Status.PENDING, Readiness.PARKED)
    assert (parked.failures, parked.session_id, parked.notes) == (0, "s-1", "usage limit")
    assert await queue.claim_next("pi") is None
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["until"], event.data["session_id"]) == (
        "task.parked",
        "2026-11-21T23:00:00.000Z",
        "s-1",
    )


async def test_parked_task_is_ready_at_its_time(queue: QueueDriver):
    """Then its holder gets it back, as a new attempt, with its session."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", session_id="s-1")

    await queue.advance(hours=1)
    again = await queue.claim_next("pi")

    assert again is not None
    assert (again.id, again.attempt, again.session_id) == (task.id, 2, "s-1")
    assert await queue.story_of(task) == ["submitted", "claimed", "parked", "ready", "claimed"]


async def test_parked_task_comes_back_to_its_holder_first(queue: QueueDriver):
    """For ten minutes from when it becomes ready nobody else gets it."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi")
    await queue.advance(hours=1)

    await queue.advance(minutes=10, milliseconds=-1)

    assert await queue.next_for("macbook") is None
    assert await queue.next_for("pi") == task.id
    with pytest.raises(TaskIsParked):
        await queue.claim(task, by="macbook")


async def test_after_ten_minutes_any_that_fits_gets_it(queue: QueueDriver):
    """The reservation ends by itself."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi")
    await queue.advance(hours=1)

    await queue.advance(minutes=10)

    assert await queue.next_for("macbook") == task.id
    assert (await queue.story_of(task)).count("ready") == 1


async def test_after_ten_minutes_the_target_counts_again(queue: QueueDriver):
    """Any that fits: those that the task was meant for."""
    await queue.announce("pi", labels=("gpu",))
    task = await queue.claimed_by("pi", target="gpu")
    await queue.park(task, "pi")

    await queue.advance(hours=1)
    assert await queue.next_for("macbook", labels=("gpu",)) is None
    await queue.advance(minutes=10)

    assert await queue.next_for("macbook", labels=("gpu",)) == task.id
    assert await queue.next_for("third") is None


async def test_reservation_runs_from_readiness_not_from_the_time(queue: QueueDriver):
    """A parked task that is still blocked at its time is reserved from when it is freed."""
    first = await queue.claimed_by("pi")
    task = await queue.claimed_by("pi")
    await queue.change(task, depends_on=(first,))
    await queue.park(task, "pi")

    await queue.advance(hours=5)
    assert await queue.readiness_of(task) is Readiness.BLOCKED
    await queue.claim(first, by="pi")
    await queue.complete(await queue.get(first), "pi")
    await queue.advance(minutes=9)

    assert await queue.next_for("macbook") is None
    await queue.advance(minutes=1)
    assert await queue.next_for("macbook") == task.id


async def test_parked_until_a_time_that_has_passed_is_ready(queue: QueueDriver):
    """It is ready at once, and still its holder's first."""
    task = await queue.claimed_by("pi")

    back = await queue.park(task, "pi", until=queue.clock.now())

    assert back.readiness is Readiness.READY
    assert await queue.next_for("macbook") is None
    assert await queue.next_for("pi") == task.id


async def test_claim_ends_the_reservation(queue: QueueDriver):
    """Claimed and released, the task is anybody's."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())
    held = await queue.claim(task, by="pi")

    await queue.release(held, "pi")

    assert await queue.next_for("macbook") == task.id


async def test_new_target_ends_the_reservation(queue: QueueDriver):
    """A person who names another target is obeyed at once."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())

    await queue.change(task, target="macbook")

    assert await queue.next_for("macbook") == task.id
    assert await queue.next_for("pi") is None


async def test_park_keeps_the_session_known_before(queue: QueueDriver):
    """A park that names no session leaves the one that is known."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", session_id="s-1", until=queue.clock.now())
    held = await queue.claim(task, by="pi")

    assert (await queue.park(held, "pi")).session_id == "s-1"


async def test_reserved_task_put_off_is_not_lost(queue: QueueDriver):
    """Put off while reserved, it becomes ready at its time, for everybody."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())

    await queue.change(task, not_before=queue.clock.now() + timedelta(hours=2))
    await queue.advance(hours=2)

    assert await queue.next_for("macbook") == task.id


async def test_reservation_ends_while_put_off_for_less(queue: QueueDriver):
    """Put off for less than the reservation lasts, the rest of it still counts."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())

    await queue.change(task, not_before=queue.clock.now() + timedelta(minutes=5))
    await queue.advance(minutes=5)
    assert await queue.next_for("macbook") is None
    await queue.advance(minutes=5)

    assert await queue.next_for("macbook") == task.id


async def test_reservation_ends_also_while_the_task_is_put_off(queue: QueueDriver):
    """Who asks why it waits is not told of a holder whose time is over."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())
    await queue.change(task, not_before=queue.clock.now() + timedelta(hours=2))

    await queue.advance(minutes=10)

    assert (await queue.get(task)).offered_to is None
    assert await queue.readiness_of(task) is Readiness.SCHEDULED
