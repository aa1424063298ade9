"""Late work is not thrown away, and never overwrites anybody's."""

from __future__ import annotations

import pytest

from athena.model.errors import NotHolder, TaskWasCancelled
from athena.model.lifecycle import Status
from tests.service.driver import QueueDriver


async def test_late_completion_counts_while_nobody_has_claimed(queue: QueueDriver):
    """A lease that ran out does not void finished work; only a newer claim does."""
    task = await queue.expired("pi")

    done = await queue.complete(task, "pi", notes="took a while")

    assert (done.status, done.claimed_by, done.notes) == (
        Status.COMPLETED,
        "pi",
        "took a while",
    )
    event = (await queue.history_of(task))[-1]
    assert (event.type, event.data["late"]) == ("task.completed", True)


async def test_late_completion_of_what_this_expiry_failed(queue: QueueDriver):
    """Also where the expiry used up the last attempt."""
    task = await queue.expired("pi", max_attempts=1)

    done = await queue.complete(task, "pi")

    assert (done.status, done.error) == (Status.COMPLETED, None)


async def test_late_completion_before_the_sweep_is_in_time(queue: QueueDriver):
    """What nobody has noticed to be expired is still held."""
    task = await queue.claimed_by("pi")
    queue.clock.advance(task.lease or queue.clock.steady())

    done = await queue.complete(task, "pi")

    assert (done.status, done.failures) == (Status.COMPLETED, 0)


async def test_late_completion_after_a_new_claim_is_refused(queue: QueueDriver):
    """Whoever claimed since holds the task."""
    task = await queue.expired("pi")
    await queue.claim(task, by="macbook")

    with pytest.raises(NotHolder):
        await queue.complete(task, "pi")


async def test_own_new_claim_voids_the_old_attempt(queue: QueueDriver):
    """The attempt fences: the same instance's earlier attempt is out of date as well."""
    task = await queue.expired("pi")
    newer = await queue.claim(task, by="pi")

    with pytest.raises(NotHolder, match="attempt 2"):
        await queue.complete(task, "pi")

    assert (await queue.complete(newer, "pi")).status is Status.COMPLETED


async def test_late_completion_after_the_new_holder_gave_it_back(queue: QueueDriver):
    """A claim since then voids the late work for good, even once it is released."""
    task = await queue.expired("pi")
    newer = await queue.claim(task, by="macbook")
    await queue.release(newer, "macbook")

    with pytest.raises(NotHolder):
        await queue.complete(task, "pi")


async def test_late_completion_is_the_last_holders_alone(queue: QueueDriver):
    """Nobody else can complete what is pending."""
    task = await queue.expired("pi")

    with pytest.raises(NotHolder):
        await queue.complete(task, "macbook")


async def test_late_completion_needs_the_attempt_where_it_is_given(queue: QueueDriver):
    """A wrong attempt is refused; none stands for the current one."""
    task = await queue.expired("pi")

    with pytest.raises(NotHolder):
        await queue.complete(task, "pi", attempt=7)

    assert (await queue.complete(task, "pi", attempt=None)).status is Status.COMPLETED


@pytest.mark.parametrize("way", ["release", "park", "fail"])
async def test_voluntary_end_of_a_hold_is_final(queue: QueueDriver, way: str):
    """Who released, parked or failed a task has no late completion."""
    task = await queue.claimed_by("pi")
    await getattr(queue, way)(task, "pi")

    with pytest.raises(NotHolder):
        await queue.complete(task, "pi")


async def test_late_completion_of_a_cancelled_task_is_refused(queue: QueueDriver):
    """Cancelled is cancelled, also between expiry and completion."""
    task = await queue.expired("pi")
    await queue.cancel(task)

    with pytest.raises(TaskWasCancelled):
        await queue.complete(task, "pi")


async def test_late_completion_after_a_retry(queue: QueueDriver):
    """A person's retry is no claim: what comes in before one still counts."""
    task = await queue.expired("pi", max_attempts=1)
    await queue.retry(task)

    assert (await queue.complete(task, "pi")).status is Status.COMPLETED


async def test_late_fail_adds_no_second_failure(queue: QueueDriver):
    """The expiry was counted already; only the reason is noted."""
    task = await queue.expired("pi")

    told = await queue.fail(task, "pi", error="out of disk")

    assert (told.status, told.failures, told.error) == (Status.PENDING, 1, "out of disk")
    assert told.not_before is None
    event = (await queue.history_of(task))[-1]
    assert (event.type, dict(event.data)) == ("task.changed", {"fields": ["error"]})


async def test_late_fail_of_what_this_expiry_failed(queue: QueueDriver):
    """The task stays failed, with the better reason."""
    task = await queue.expired("pi", max_attempts=1)

    told = await queue.fail(task, "pi", error="out of disk")

    assert (told.status, told.failures, told.error) == (Status.FAILED, 1, "out of disk")


async def test_late_fail_ends_the_right_to_complete(queue: QueueDriver):
    """Who reported a failure did not finish."""
    task = await queue.expired("pi")
    await queue.fail(task, "pi")

    with pytest.raises(NotHolder):
        await queue.complete(task, "pi")


@pytest.mark.parametrize("way", ["release", "park", "renew", "progress"])
async def test_expired_holder_can_do_nothing_else(queue: QueueDriver, way: str):
    """Only an end may come late."""
    task = await queue.expired("pi")

    with pytest.raises(NotHolder):
        await getattr(queue, way)(task, "pi")


async def test_completing_again_changes_nothing(queue: QueueDriver):
    """The same instance and attempt: the same answer, and no event."""
    task = await queue.claimed_by("pi")
    done = await queue.complete(task, "pi", notes="done")
    await queue.advance(minutes=5)

    again = await queue.complete(task, "pi", notes="other words")

    assert again == done
    assert (await queue.story_of(task)).count("completed") == 1


async def test_completing_again_after_a_late_completion(queue: QueueDriver):
    """A repeat is a repeat, however late the first was."""
    task = await queue.expired("pi")
    done = await queue.complete(task, "pi")

    assert await queue.complete(task, "pi") == done


async def test_completing_what_another_completed_is_refused(queue: QueueDriver):
    """Neither another instance nor another attempt has completed it."""
    task = await queue.claimed_by("pi")
    await queue.complete(task, "pi")

    with pytest.raises(NotHolder):
        await queue.complete(task, "macbook")
    with pytest.raises(NotHolder):
        await queue.complete(task, "pi", attempt=2)


async def test_late_completion_knows_when_it_was_claimed(queue: QueueDriver):
    """The time of the claim went with the lease; the end has it again, and so the run's length."""
    task = await queue.expired("pi")
    assert (await queue.get(task)).claimed_at is None

    await queue.complete(task, "pi")

    assert (await queue.get(task)).claimed_at == task.claimed_at


async def test_late_failure_has_cost_as_well(queue: QueueDriver):
    """Its reason and its cost are kept; it counts no second failure."""
    task = await queue.expired("pi")

    late = await queue.fail(task, "pi", error="no disk", result={"total_cost_usd": 0.5})
    done = await queue.claim(late, by="mac")
    await queue.complete(done, "mac", result={"total_cost_usd": 0.25})

    assert (late.error, late.failures) == ("no disk", 1)
    assert (await queue.services.stats.read()).cost_usd["24h"] == 0.75
