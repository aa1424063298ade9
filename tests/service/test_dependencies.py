"""A task is not claimable until all that it depends on is completed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from athena.model import limits
from athena.model.errors import HasDependents, Invalid
from athena.model.lifecycle import Status
from athena.model.task import Readiness, Task, TaskId
from tests.service.driver import QueueDriver


async def test_dependent_waits(queue: QueueDriver):
    """It is blocked, and names what it waits for."""
    first, second = await queue.submit(), await queue.submit()

    task = await queue.submit(depends_on=(second, first))

    assert task.readiness is Readiness.BLOCKED
    assert (set(task.depends_on), set(task.blocked_by)) == (
        {first.id, second.id},
        {first.id, second.id},
    )
    await queue.cancel(first)
    assert await queue.next_for("pi") == second.id


async def test_dependent_is_freed_by_the_last_completion(queue: QueueDriver):
    """`blocked_by` lists the rest; with the last one the task is ready, and told so."""
    first, second = await queue.claimed_by("pi"), await queue.claimed_by("pi")
    task = await queue.submit(depends_on=(first, second))

    await queue.complete(first, "pi")
    between = await queue.get(task)
    await queue.complete(second, "pi")

    assert (between.readiness, between.blocked_by) == (Readiness.BLOCKED, (second.id,))
    freed = await queue.get(task)
    assert (freed.readiness, freed.blocked_by) == (Readiness.READY, ())
    assert freed.depends_on == (first.id, second.id)
    assert await queue.story_of(task) == ["submitted", "ready"]


async def test_completed_dependency_does_not_block(queue: QueueDriver):
    """What is done already need not be waited for."""
    done = await queue.ended(Status.COMPLETED)

    task = await queue.submit(depends_on=(done,))

    assert (task.readiness, task.blocked_by) == (Readiness.READY, ())


async def test_two_dependencies_that_complete_together_free(queue: QueueDriver):
    """Nothing is lost when the last two complete at the same moment."""
    parts = [await queue.claimed_by(f"pi-{n}") for n in range(10)]
    task = await queue.submit(depends_on=parts)

    await asyncio.gather(*(queue.complete(part, f"pi-{n}") for n, part in enumerate(parts)))

    assert await queue.readiness_of(task) is Readiness.READY


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
async def test_dependent_of_a_failure_stays_blocked_and_is_told(queue: QueueDriver, status: Status):
    """If one fails or is cancelled the task stays blocked, and a person is told."""
    first = await queue.claimed_by("pi")
    task = await queue.submit(depends_on=(first,))

    if status is Status.FAILED:
        await queue.fail(first, "pi", for_good=True)
    else:
        await queue.cancel(first)

    assert (await queue.get(task)).blocked_by == (first.id,)
    event = (await queue.history_of(task))[-1]
    assert (event.type, dict(event.data)) == (
        "task.blocked",
        {"dependency": first.id, "status": status.value},
    )


async def test_dependent_of_an_expired_failure_is_told(queue: QueueDriver):
    """Also where the failure is an expiry."""
    first = await queue.submit(max_attempts=1)
    task = await queue.submit(depends_on=(first,))
    lost = await queue.claim(first, by="pi")
    assert lost.lease is not None

    await queue.advance(seconds=lost.lease.total_seconds())

    assert (await queue.story_of(task))[-1] == "blocked"


async def test_waiting_for_what_has_failed_already_is_told(queue: QueueDriver):
    """At the submit, and at a change, of a task that begins to wait for it."""
    failed = await queue.ended(Status.FAILED)

    task = await queue.submit(depends_on=(failed,))
    other = await queue.submit()
    await queue.change(other, depends_on=(failed,))

    assert await queue.story_of(task) == ["submitted", "blocked"]
    assert await queue.story_of(other) == ["submitted", "changed", "blocked"]


async def test_running_task_waits_for_nothing(queue: QueueDriver):
    """What it depends on may fail meanwhile; it is told once the task is given back."""
    first, task = await queue.claimed_by("mac"), await queue.claimed_by("pi")
    await queue.change(task, depends_on=(first,))
    await queue.fail(first, "mac", for_good=True)
    assert await queue.story_of(task) == ["submitted", "claimed", "changed"]

    await queue.release(task, "pi")

    assert (await queue.story_of(task))[-2:] == ["released", "blocked"]


async def test_expired_task_that_waits_for_a_failure_is_told(queue: QueueDriver):
    """However it came back to the queue."""
    failed = await queue.ended(Status.FAILED)
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    await queue.change(task, depends_on=(failed,))

    await queue.advance(minutes=1)

    assert (await queue.story_of(task))[-2:] == ["expired", "blocked"]


async def test_retried_dependency_that_completes_unblocks(queue: QueueDriver):
    """A failure is not the end of those that wait."""
    first = await queue.ended(Status.FAILED)
    task = await queue.submit(depends_on=(first,))

    await queue.retry(first)
    await queue.complete(await queue.claim(first, by="pi"), "pi")

    assert await queue.readiness_of(task) is Readiness.READY


async def test_late_completion_unblocks(queue: QueueDriver):
    """Late work counts for those that wait, too."""
    first = await queue.expired("pi", max_attempts=1)
    task = await queue.submit(depends_on=(first,))

    await queue.complete(first, "pi")

    assert await queue.readiness_of(task) is Readiness.READY


async def test_retried_dependency_blocks_again(queue: QueueDriver):
    """What is done once more is waited for once more."""
    first = await queue.ended(Status.COMPLETED)
    task = await queue.submit(depends_on=(first,))

    await queue.retry(first)

    blocked = await queue.get(task)
    assert (blocked.readiness, blocked.blocked_by) == (Readiness.BLOCKED, (first.id,))
    assert await queue.next_for("pi") == first.id


async def test_running_dependent_goes_on(queue: QueueDriver):
    """A retried dependency does not stop what runs; given back, it waits."""
    first = await queue.ended(Status.COMPLETED)
    task = await queue.claimed_by("pi", depends_on=(first,))

    await queue.retry(first)
    assert await queue.status_of(task) is Status.IN_PROGRESS
    back = await queue.release(task, "pi")

    assert (back.readiness, back.blocked_by) == (Readiness.BLOCKED, (first.id,))


async def test_claim_answers_with_the_dependencies(queue: QueueDriver):
    """Whoever claims sees what the task built on."""
    first = await queue.ended(Status.COMPLETED)
    task = await queue.submit(depends_on=(first,))

    claimed = await queue.claim_next("pi")

    assert claimed is not None
    assert (claimed.id, claimed.depends_on, claimed.blocked_by) == (task.id, (first.id,), ())


async def test_same_dependency_twice_is_once(queue: QueueDriver):
    """Repeating a dependency means nothing."""
    first = await queue.submit()

    task = await queue.submit(depends_on=(first, first))

    assert task.depends_on == (first.id,)
    assert (await queue.get(task)).dependencies == 1


async def test_unknown_dependency_is_refused(queue: QueueDriver):
    """One cannot wait for what is not there."""
    with pytest.raises(Invalid) as refusal:
        await queue.submit(depends_on=(TaskId(99),))

    assert [(e.field, e.message) for e in refusal.value.errors] == [
        ("depends_on", "names a task that does not exist")
    ]
    assert await queue.listed() == []


async def chain(queue: QueueDriver, length: int) -> list[Task]:
    tasks = [await queue.submit()]
    for _ in range(length - 1):
        tasks.append(await queue.submit(depends_on=(tasks[-1],)))
    return tasks


@pytest.mark.parametrize("length", [1, 2, 5])
async def test_cycles_are_refused(queue: QueueDriver, length: int):
    """No task waits for itself, over however many steps."""
    tasks = await chain(queue, length)

    with pytest.raises(Invalid, match="would wait for itself"):
        await queue.change(tasks[0], depends_on=(tasks[-1],))

    assert (await queue.get(tasks[0])).depends_on == ()


async def test_dependencies_are_replaced_as_a_whole(queue: QueueDriver):
    """A change names all of them."""
    first, second = await queue.submit(), await queue.submit()
    task = await queue.submit(depends_on=(first,))

    changed = await queue.change(task, depends_on=(second,))
    assert (changed.depends_on, changed.blocked_by) == ((second.id,), (second.id,))
    freed = await queue.change(task, depends_on=())

    assert (freed.depends_on, freed.readiness) == ((), Readiness.READY)


async def test_naming_the_same_dependencies_changes_nothing(queue: QueueDriver):
    """In whatever order: no change, no event."""
    first, second = await queue.submit(), await queue.submit()
    task = await queue.submit(depends_on=(first, second))

    await queue.change(task, depends_on=(second, first, second))

    assert await queue.story_of(task) == ["submitted"]


async def test_running_task_may_be_given_dependencies(queue: QueueDriver):
    """They count from when it is given back."""
    other = await queue.submit()
    task = await queue.claimed_by("pi")

    changed = await queue.change(task, depends_on=(other,))
    assert (changed.status, changed.blocked_by) == (Status.IN_PROGRESS, (other.id,))

    assert (await queue.release(changed, "pi")).readiness is Readiness.BLOCKED


async def test_dependents_keep_a_task_from_being_removed(queue: QueueDriver):
    """Not even one that ended; first the dependents go."""
    first = await queue.ended(Status.COMPLETED)
    task = await queue.submit(depends_on=(first,))

    with pytest.raises(HasDependents, match=f"#{first.id}"):
        await queue.delete(first)
    await queue.delete(task)
    await queue.delete(first)

    assert await queue.listed() == []


async def test_number_of_dependents_is_bounded(queue: QueueDriver):
    """Completing a task visits all that wait for it, so their number has a bound."""
    first, second = await queue.submit(), await queue.submit()
    submits = (queue.submit(depends_on=(first,)) for _ in range(limits.DEPENDENTS_MAX))
    tasks = await asyncio.gather(*submits)

    with pytest.raises(Invalid, match="1000 tasks depend"):
        await queue.submit(depends_on=(first,))
    kept = await queue.change(tasks[0], depends_on=(first, second))

    assert kept.depends_on == (first.id, second.id)


@pytest.mark.parametrize("end", [Status.FAILED, Status.CANCELLED])
async def test_waiting_for_what_will_not_come_is_told_at_once(queue: QueueDriver, end: Status):
    """A person learns of it although nothing happens to the dependency any more."""
    first = await queue.ended(end)
    task, other = await queue.submit(depends_on=(first,)), await queue.submit()
    await queue.change(other, depends_on=(first,))

    assert await queue.story_of(task) == ["submitted", "blocked"]
    assert await queue.story_of(other) == ["submitted", "changed", "blocked"]
