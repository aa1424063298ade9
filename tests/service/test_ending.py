"""How an attempt ends: completed, failed, cancelled, given back; and how one begins again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from athena.model.errors import InvalidTransition, NotHolder, TaskNotFound, TaskWasCancelled
from athena.model.lifecycle import ENDED, Status
from athena.model.outcome import Outcome
from athena.model.task import Readiness, TaskId
from tests.service.driver import ALICE, QueueDriver

RESULT = {"success": True, "output": "deployed", "total_cost_usd": 0.25, "session_id": "s-1"}


async def test_completed_task_keeps_who_did_it(queue: QueueDriver):
    """The end, the notes and the result stand; `claimed_by` is kept."""
    task = await queue.claimed_by("pi")
    await queue.advance(minutes=3)

    done = await queue.complete(task, "pi", notes="all green", result=RESULT)

    assert (done.status, done.claimed_by, done.attempt) == (Status.COMPLETED, "pi", 1)
    assert (done.notes, done.result, done.session_id) == ("all green", RESULT, "s-1")
    assert (done.completed_at, done.lease_expires_at) == (queue.clock.now(), None)
    assert (done.phase, done.readiness) == (None, None)
    assert done == await queue.get(task)


async def test_completion_says_what_it_cost(queue: QueueDriver):
    """The event carries the cost, so that whoever tells of it need not look."""
    task = await queue.claimed_by("pi")

    await queue.complete(task, "pi", result=RESULT)

    event = (await queue.history_of(task))[-1]
    assert dict(event.data) == {"instance": "pi", "attempt": 1, "cost_usd": 0.25}
    assert event.actor.name == "worker"


async def test_cost_that_is_no_figure_is_left_out(queue: QueueDriver):
    """Whatever a worker puts there, the result is stored and shown as given."""
    results = [{"success": True, "total_cost_usd": cost} for cost in ("much", True, 10**400, None)]

    for result in results:
        task = await queue.claimed_by("pi")
        done = await queue.complete(task, "pi", result=result)
        assert done.result == result

    assert (await queue.services.stats.read()).cost_usd["24h"] == 0


async def test_completion_keeps_notes_said_before(queue: QueueDriver):
    """Notes are replaced only by notes."""
    task = await queue.claimed_by("pi")
    await queue.progress(task, "pi", notes="half way")

    assert (await queue.complete(task, "pi")).notes == "half way"


# --- failures ---------------------------------------------------------------------------------


async def test_failed_attempt_waits_and_is_tried_again(queue: QueueDriver):
    """The first failure is tried again after 30 s."""
    task = await queue.claimed_by("pi")

    waiting = await queue.fail(task, "pi", error="flaky network")

    assert (waiting.status, waiting.readiness) == (Status.PENDING, Readiness.SCHEDULED)
    assert (waiting.failures, waiting.error, waiting.claimed_by) == (1, "flaky network", None)
    assert waiting.not_before == queue.clock.now() + timedelta(seconds=30)
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["error"]) == ("task.will_retry", "flaky network")
    await queue.advance(seconds=30)
    assert await queue.readiness_of(task) is Readiness.READY


async def test_wait_doubles_up_to_an_hour(queue: QueueDriver):
    """30 s, doubled each time, at most an hour."""
    task = await queue.submit(max_attempts=20)
    waits = []

    for _ in range(9):
        held = await queue.claim(task, by="pi")
        waiting = await queue.fail(held, "pi")
        assert waiting.not_before is not None
        waits.append((waiting.not_before - queue.clock.now()).total_seconds())
        await queue.advance(seconds=waits[-1])

    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


async def test_person_may_clear_the_wait(queue: QueueDriver):
    """A change of `not_before` ends the waiting."""
    task = await queue.claimed_by("pi")
    await queue.fail(task, "pi")

    changed = await queue.change(task, not_before=None)

    assert changed.readiness is Readiness.READY


async def test_last_failure_ends_the_task(queue: QueueDriver):
    """When failures reach `max_attempts` the task is failed."""
    task = await queue.submit(max_attempts=2)
    await queue.fail(await queue.claim(task, by="pi"), "pi")
    await queue.advance(seconds=30)

    failed = await queue.fail(await queue.claim(task, by="macbook"), "macbook", error="no use")

    assert (failed.status, failed.failures, failed.error) == (Status.FAILED, 2, "no use")
    assert failed.claimed_by == "macbook"
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["reason"]) == ("task.failed", "reported")


async def test_expiry_and_failure_count_together(queue: QueueDriver):
    """Failed attempts and expired leases use up the same attempts."""
    task = await queue.expired("pi", max_attempts=2)

    held = await queue.claim(task, by="pi")

    assert (await queue.fail(held, "pi")).status is Status.FAILED


async def test_failure_for_good_uses_no_further_attempt(queue: QueueDriver):
    """The holder may say that trying again is of no use."""
    task = await queue.claimed_by("pi")

    failed = await queue.fail(task, "pi", for_good=True, result={"success": False, "branch": "x"})

    assert (failed.status, failed.failures) == (Status.FAILED, 1)
    assert failed.result == {"success": False, "branch": "x"}


async def test_failure_keeps_the_session(queue: QueueDriver):
    """The next attempt can continue the conversation of the failed one."""
    task = await queue.claimed_by("pi")

    waiting = await queue.fail(task, "pi", result={"success": False, "session_id": "s-9"})

    assert waiting.session_id == "s-9"


# --- releases ---------------------------------------------------------------------------------


async def test_release_is_no_failure(queue: QueueDriver):
    """A task given back can go at once, and has failed no more than before."""
    task = await queue.claimed_by("pi")

    back = await queue.release(task, "pi", notes="shutting down")

    assert (back.status, back.readiness) == (Status.PENDING, Readiness.READY)
    assert (back.failures, back.attempt, back.notes) == (0, 1, "shutting down")
    assert await queue.story_of(task) == ["submitted", "claimed", "released"]


# --- cancelling -------------------------------------------------------------------------------


async def test_pending_task_is_cancelled(queue: QueueDriver):
    """It is never claimed."""
    task = await queue.submit()

    cancelled = await queue.cancel(task)

    assert (cancelled.status, cancelled.claimed_by) == (Status.CANCELLED, None)
    assert await queue.claim_next("pi") is None


async def test_running_task_is_cancelled_at_once(queue: QueueDriver):
    """Its holder learns at its next call, whatever that is."""
    task = await queue.claimed_by("pi")

    cancelled = await queue.cancel(task)

    assert (cancelled.status, cancelled.claimed_by) == (Status.CANCELLED, "pi")
    assert (await queue.history_of(task))[-1].data["instance"] == "pi"
    for way in ("progress", "renew", "release", "park", "complete", "fail"):
        with pytest.raises(TaskWasCancelled):
            await getattr(queue, way)(task, "pi")


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_ended_task_is_not_cancelled(queue: QueueDriver, status: Status):
    """There is nothing to cancel."""
    task = await queue.ended(status)

    with pytest.raises(InvalidTransition):
        await queue.cancel(task)


async def test_holder_gives_up_its_own_task(queue: QueueDriver):
    """An instance may cancel what it holds, and nothing else."""
    task = await queue.claimed_by("pi")
    cancel = queue.services.tasks.cancel

    with pytest.raises(NotHolder):
        await cancel(task.id, by=ALICE, instance="macbook")
    with pytest.raises(NotHolder):
        await cancel(task.id, by=ALICE, instance="pi", attempt=3)
    await cancel(task.id, by=ALICE, instance="pi", attempt=1)

    with pytest.raises(TaskWasCancelled):
        await cancel(task.id, by=ALICE, instance="pi", attempt=1)


# --- trying again -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_retry_begins_anew(queue: QueueDriver, status: Status):
    """Failures are forgotten, `attempt` goes on counting, error and result are cleared."""
    task = await queue.ended(status, by="pi")

    again = await queue.retry(task)

    assert (again.status, again.readiness) == (Status.PENDING, Readiness.READY)
    assert (again.failures, again.attempt) == (0, 1)
    assert (again.error, again.result, again.completed_at) == (None, None, None)
    assert (again.claimed_by, again.not_before) == (None, None)
    assert (await queue.history_of(task))[-1].data["was"] == status.value
    assert (await queue.claim(again, by="pi")).attempt == 2


async def test_open_task_is_not_retried(queue: QueueDriver):
    """What has not ended needs no retry."""
    pending, running = await queue.submit(), await queue.claimed_by("pi")

    for task in (pending, running):
        with pytest.raises(InvalidTransition):
            await queue.retry(task)


# --- the order of checks ----------------------------------------------------------------------

ENDS = ["complete", "fail"]
WAYS = ["progress", "renew", "release", "park", *ENDS]


@pytest.mark.parametrize("way", WAYS)
async def test_cancelled_comes_before_not_holder(queue: QueueDriver, way: str):
    """Whoever asks, and with whatever attempt: a cancelled task is cancelled first."""
    task = await queue.ended(Status.CANCELLED, by="pi")

    with pytest.raises(TaskWasCancelled):
        await getattr(queue, way)(task, "macbook", attempt=9)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
@pytest.mark.parametrize("way", WAYS)
async def test_not_holder_comes_before_invalid_transition(
    queue: QueueDriver, way: str, status: Status
):
    """Another instance, or another attempt, is no holder of an ended task either."""
    task = await queue.ended(status, by="pi")

    with pytest.raises(NotHolder):
        await getattr(queue, way)(task, "macbook")
    with pytest.raises(NotHolder):
        await getattr(queue, way)(task, "pi", attempt=9)


@pytest.mark.parametrize("way", ["progress", "renew", "release", "park", "fail"])
async def test_holder_of_a_completed_task_has_ended_it(queue: QueueDriver, way: str):
    """What its holder completed cannot be moved by it any more."""
    task = await queue.ended(Status.COMPLETED, by="pi")

    with pytest.raises(InvalidTransition):
        await getattr(queue, way)(task, "pi")


@pytest.mark.parametrize("way", WAYS)
async def test_holder_of_a_failed_task_has_ended_it(queue: QueueDriver, way: str):
    """What its holder failed for good cannot be moved by it, nor completed."""
    task = await queue.ended(Status.FAILED, by="pi")

    with pytest.raises(InvalidTransition):
        await getattr(queue, way)(task, "pi")


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_holds_a_pending_task(queue: QueueDriver, way: str):
    """A task that waits has no holder."""
    task = await queue.submit()

    with pytest.raises(NotHolder):
        await getattr(queue, way)(task, "pi")


@pytest.mark.parametrize("way", WAYS)
async def test_attempt_may_be_left_out(queue: QueueDriver, way: str):
    """No attempt stands for the current one."""
    task = await queue.claimed_by("pi")

    await getattr(queue, way)(task, "pi", attempt=None)


# --- results ----------------------------------------------------------------------------------


async def test_result_is_given_as_stored(queue: QueueDriver):
    """Unknown fields are kept."""
    task = await queue.claimed_by("pi")
    await queue.complete(task, "pi", result={**RESULT, "mood": "good"})

    outcome = await queue.services.tasks.result(task.id)

    assert outcome == Outcome(status=Status.COMPLETED, result={**RESULT, "mood": "good"})


async def test_result_of_an_open_task_is_not_there(queue: QueueDriver):
    """A task that has not ended has none."""
    task = await queue.claimed_by("pi")

    assert await queue.services.tasks.result(task.id) is None


async def test_result_of_an_unknown_task(queue: QueueDriver):
    """There must be a task to have a result."""
    with pytest.raises(TaskNotFound):
        await queue.services.tasks.result(TaskId(99))
    assert await queue.services.tasks.find(TaskId(99)) is None


async def test_failed_attempts_cost_as_well(queue: QueueDriver):
    """What a task has cost is the sum over its attempts."""
    task = await queue.claimed_by("pi")
    await queue.fail(task, "pi", result={"total_cost_usd": 0.25})
    await queue.advance(minutes=1)
    task = await queue.claim(task, by="pi")

    await queue.complete(task, "pi", result={"total_cost_usd": 0.5})

    assert (await queue.services.stats.read()).cost_usd["24h"] == 0.75
