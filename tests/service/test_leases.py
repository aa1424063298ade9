"""A hold ends with its lease, and a lease lasts as long as it is renewed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from athena.model.errors import InvalidTransition, NotHolder, TaskNotFound, TaskWasCancelled
from athena.model.lifecycle import Status
from athena.model.task import Phase, Progress, Readiness, TaskId
from tests.service.driver import WORKER, QueueDriver
from tests.store.clock import ManualClock
from tests.store.engines import ENGINES


async def test_lease_has_the_length_asked_for(queue: QueueDriver):
    """The claimer may ask for another length than two hours."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=2))

    assert task.lease_expires_at == queue.clock.now() + timedelta(minutes=2)


async def test_task_stays_held_until_its_lease_ends(queue: QueueDriver):
    """Nothing is freed before its lease ends."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=2))

    await queue.advance(minutes=2, milliseconds=-1)

    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_expired_task_is_pending_again(queue: QueueDriver):
    """A lease that ran out counts a failure, and the task can be claimed at once."""
    task = await queue.expired("pi")

    back = await queue.get(task)
    assert (back.status, back.readiness) == (Status.PENDING, Readiness.READY)
    assert (back.failures, back.attempt, back.not_before) == (1, 1, None)
    assert (back.claimed_by, back.claimed_at, back.lease_expires_at) == (None, None, None)
    assert (await queue.claim(task, by="macbook")).attempt == 2


async def test_expiry_is_told(queue: QueueDriver):
    """The log says whose lease ran out, and that Athena itself took the task back."""
    task = await queue.expired("pi")

    event = (await queue.history_of(task))[-1]
    assert (event.type, event.actor.kind.value) == ("task.expired", "system")
    assert dict(event.data) == {"instance": "pi", "attempt": 1, "failures": 1}


async def test_expiry_at_the_last_attempt_fails_the_task(queue: QueueDriver):
    """When failures reach `max_attempts` the task is failed, and the log says why."""
    task = await queue.expired("pi", max_attempts=1)

    failed = await queue.get(task)
    assert (failed.status, failed.failures, failed.claimed_by) == (Status.FAILED, 1, "pi")
    assert failed.error == "The lease of pi ran out (1 of 1)."
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["reason"]) == ("task.failed", "expired")


async def test_expired_many_times_ends_as_failed(queue: QueueDriver):
    """A task that expires `max_attempts` times ends, visibly."""
    task = await queue.submit(max_attempts=3)

    for _ in range(3):
        await queue.claim(task, by="pi", lease=timedelta(seconds=1))
        await queue.advance(seconds=1)

    assert await queue.status_of(task) is Status.FAILED
    story = await queue.story_of(task)
    assert story == ["submitted", *["claimed", "expired"] * 2, "claimed", "failed"]


async def test_more_expired_tasks_than_one_slice(queue: QueueDriver):
    """However many leases run out together, one sweep frees all."""
    for _ in range(120):
        await queue.claimed_by("pi", lease=timedelta(seconds=1))

    await queue.advance(seconds=1)

    assert len(await queue.listed(Status.PENDING)) == 120


async def test_sweep_of_a_quiet_queue_does_nothing(queue: QueueDriver):
    """Where nothing is due nothing is written."""
    await queue.claimed_by("pi")
    log = await queue.log()

    await queue.sweep()

    assert await queue.log() == log


# --- renewals ---------------------------------------------------------------------------------


async def test_renewal_keeps_the_length(queue: QueueDriver):
    """A renewal gives the same length again, and writes no event."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=2))
    await queue.advance(minutes=1)

    renewed = await queue.renew(task, "pi")

    assert renewed.lease_expires_at == queue.clock.now() + timedelta(minutes=2)
    assert await queue.story_of(task) == ["submitted", "claimed"]


async def test_renewal_may_ask_for_another_length(queue: QueueDriver):
    """A new length holds from then on."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=2))

    await queue.renew(task, "pi", lease=timedelta(hours=1))
    again = await queue.renew(task, "pi")

    assert again.lease_expires_at == queue.clock.now() + timedelta(hours=1)


async def test_progress_renews(queue: QueueDriver):
    """Whoever reports progress keeps its task."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=2))
    await queue.advance(minutes=1)

    told = await queue.progress(task, "pi", percent=40, message="writing tests")
    await queue.advance(seconds=119)

    assert told.progress == Progress(percent=40, message="writing tests")
    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_progress_with_nothing_to_say_is_a_renewal(queue: QueueDriver):
    """It renews the lease and writes no event."""
    task = await queue.claimed_by("pi")
    await queue.advance(minutes=1)

    renewed = await queue.progress(task, "pi")

    assert renewed.lease_expires_at == queue.clock.now() + timedelta(hours=2)
    assert await queue.story_of(task) == ["submitted", "claimed"]


async def test_progress_keeps_what_it_does_not_say(queue: QueueDriver):
    """Percent, message, phase and notes are reported each by itself."""
    task = await queue.claimed_by("pi")
    await queue.progress(task, "pi", percent=40, phase=Phase.TESTING, notes="see the branch")

    told = await queue.progress(task, "pi", message="nearly")

    assert told.progress == Progress(percent=40, message="nearly")
    assert (told.phase, told.notes) == (Phase.TESTING, "see the branch")
    assert (await queue.story_of(task))[2:] == ["progressed", "progressed"]


async def test_heartbeat_renews_the_tasks_it_names(queue: QueueDriver):
    """A heartbeat names its tasks; only those live on."""
    named = await queue.claimed_by("pi", lease=timedelta(minutes=2))
    forgotten = await queue.claimed_by("pi", lease=timedelta(minutes=2))
    await queue.advance(minutes=1)

    answer = await queue.announce("pi", tasks=(named,))
    await queue.advance(minutes=1)

    assert (answer.held, answer.unnamed, answer.lost) == ((named.id,), (forgotten.id,), ())
    assert await queue.status_of(named) is Status.IN_PROGRESS
    assert await queue.status_of(forgotten) is Status.PENDING


async def test_heartbeat_tells_what_is_lost_and_why(queue: QueueDriver):
    """Each task that is no longer held is named with the reason."""
    cancelled = await queue.claimed_by("pi")
    await queue.cancel(cancelled)
    of_another = await queue.claimed_by("macbook")
    ended = await queue.ended(Status.COMPLETED, by="pi")
    old = await queue.claimed_by("pi")
    await queue.release(old, "pi")
    newer = await queue.claim(old, by="pi")

    answer = await queue.announce(
        "pi",
        attempts={cancelled.id: 1, of_another.id: 1, ended.id: 1, old.id: 1, TaskId(999): None},
    )

    assert {lost.task_id: lost.code for lost in answer.lost} == {
        cancelled.id: "task_cancelled",
        of_another.id: "not_holder",
        ended.id: "invalid_transition",
        old.id: "not_holder",
        999: "task_not_found",
    }
    assert (answer.held, newer.attempt) == ((), 2)


async def test_heartbeat_without_an_attempt_means_whichever(queue: QueueDriver):
    """The attempt may be left out."""
    task = await queue.claimed_by("pi")

    answer = await queue.announce("pi", attempts={task.id: None})

    assert answer.held == (task.id,)


async def test_renewal_needs_the_hold(queue: QueueDriver):
    """Nobody renews what another holds, what was cancelled, or what is not there."""
    task = await queue.claimed_by("pi")

    with pytest.raises(NotHolder):
        await queue.renew(task, "macbook")
    with pytest.raises(NotHolder):
        await queue.renew(task, "pi", attempt=7)
    await queue.cancel(task)
    with pytest.raises(TaskWasCancelled):
        await queue.renew(task, "pi")
    with pytest.raises(TaskNotFound):
        await queue.services.claims.renew(
            TaskId(99), instance="pi", attempt=None, lease=None, by=WORKER
        )


async def test_ended_task_is_not_renewed(queue: QueueDriver):
    """Its holder is told that it has ended."""
    task = await queue.ended(Status.COMPLETED, by="pi")

    with pytest.raises(InvalidTransition):
        await queue.renew(task, "pi")


# --- the two clocks ---------------------------------------------------------------------------


async def test_wall_clock_forward_frees_nobody(queue: QueueDriver):
    """A step of hours does not take a task from its holder."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))

    queue.clock.step_wall(timedelta(hours=30))
    await queue.sweep()

    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_wall_clock_backward_keeps_nobody(queue: QueueDriver):
    """A step back does not keep a silent holder's task from the others."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))

    queue.clock.step_wall(timedelta(hours=-30))
    queue.clock.run_steady(timedelta(minutes=1))
    await queue.sweep()

    assert await queue.status_of(task) is Status.PENDING


async def test_start_gives_every_held_task_one_fresh_lease(tmp_path: Path):
    """The steady clock counts from anywhere after a start: nobody is freed early or kept long.

    Not so on PostgreSQL, whose own clock goes on: see test_leadership.py.
    """
    clock, engine = ManualClock(), ENGINES["sqlite"]
    async with engine.build(tmp_path, clock) as store:
        task = await QueueDriver(store, clock).claimed_by("pi", lease=timedelta(minutes=2))

    clock.restart()
    clock.step_wall(timedelta(hours=9))
    async with engine.build(tmp_path, clock) as store:
        queue = QueueDriver(store, clock)
        await queue.advance(seconds=119)
        held = await queue.get(task)
        await queue.advance(seconds=1)
        freed = await queue.status_of(task)

    assert held.status is Status.IN_PROGRESS
    assert held.lease_expires_at == clock.now()
    assert freed is Status.PENDING
