"""Who gets which task: order, exclusivity, targets, labels and projects."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from athena.model.errors import (
    AlreadyClaimed,
    InvalidTransition,
    LaneBusy,
    NotHolder,
    QueueIsPaused,
    TaskBlocked,
    TaskIsParked,
    TaskNotFound,
    TaskScheduled,
    TaskWasCancelled,
    WrongTarget,
)
from athena.model.lifecycle import ENDED, Status
from athena.model.task import Phase, Priority, TaskId
from tests.service.driver import WORKER, QueueDriver, finish, priorities


async def test_claim_gives_the_exclusive_hold(queue: QueueDriver):
    """A claim makes the task in progress, by this instance, as attempt 1, for two hours."""
    task = await queue.submit()

    claimed = await queue.claim(task, by="macbook")

    now = queue.clock.now()
    assert claimed.status is Status.IN_PROGRESS
    assert (claimed.claimed_by, claimed.attempt, claimed.claimed_at) == ("macbook", 1, now)
    assert claimed.lease_expires_at == now + timedelta(hours=2)
    assert (claimed.phase, claimed.readiness) == (Phase.WORKING, None)
    assert claimed == await queue.get(task)


async def test_task_that_is_held_is_refused_to_others(queue: QueueDriver):
    """Of two instances that claim the same task, the second gets 409 and changes nothing."""
    task = await queue.claimed_by("macbook")

    with pytest.raises(AlreadyClaimed, match="held by macbook"):
        await queue.claim(task, by="pi")

    assert await queue.get(task) == task


async def test_of_many_claimers_one_wins(queue: QueueDriver):
    """A race of claims has exactly one winner."""
    task = await queue.submit()

    answers = await asyncio.gather(
        *(queue.claim(task, by=f"pi-{n}") for n in range(20)), return_exceptions=True
    )

    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyClaimed) for answer in answers) == 19


async def test_of_many_that_ask_for_work_each_gets_another(queue: QueueDriver):
    """Claiming the next task never gives one task to two."""
    tasks = [await queue.submit() for _ in range(20)]

    got = await asyncio.gather(*(queue.claim_next(f"pi-{n}") for n in range(25)))

    assert sorted(task.id for task in got if task) == [task.id for task in tasks]
    assert sum(task is None for task in got) == 5


async def test_claiming_again_renews(queue: QueueDriver):
    """A claim by the holder succeeds again: a fresh lease, the same attempt, no event."""
    task = await queue.claimed_by("pi")
    queue.clock.advance(timedelta(minutes=30))

    again = await queue.claim(task, by="pi")

    assert again.attempt == 1
    assert again.lease_expires_at == queue.clock.now() + timedelta(hours=2)
    assert await queue.story_of(task) == ["submitted", "claimed"]


async def test_unknown_task_cannot_be_claimed(queue: QueueDriver):
    """There must be a task to be claimed."""
    with pytest.raises(TaskNotFound, match="#99"):
        await queue.services.claims.claim(TaskId(99), instance="pi", lease=None, by=WORKER)


@pytest.mark.parametrize("status", sorted(ENDED))
async def test_ended_task_cannot_be_claimed(queue: QueueDriver, status: Status):
    """What has ended is claimed no more, not even by the one that ended it."""
    task = await queue.ended(status, by="pi")
    refusal = TaskWasCancelled if status is Status.CANCELLED else InvalidTransition

    with pytest.raises(refusal):
        await queue.claim(task, by="pi")
    with pytest.raises(InvalidTransition):
        await queue.claim(task, by="macbook")


async def test_next_is_the_highest_priority_then_the_lowest_id(queue: QueueDriver):
    """Of the claimable tasks the highest priority comes first, then the lowest id."""
    low, medium, high, urgent = [
        await queue.submit(priority=priority) for priority in reversed(priorities())
    ]
    second_urgent = await queue.submit(priority=Priority.URGENT)

    order = [task.id for task in [await queue.claim_next("pi") for _ in range(5)] if task]

    assert order == [urgent.id, second_urgent.id, high.id, medium.id, low.id]


async def test_next_looks_without_claiming(queue: QueueDriver):
    """Asking what would come next changes nothing."""
    task = await queue.submit()

    assert await queue.next_for("pi") == task.id

    assert await queue.status_of(task) is Status.PENDING
    assert await queue.services.instances.list() == []


async def test_nothing_to_claim_is_no_error(queue: QueueDriver):
    """An empty queue gives no task."""
    assert await queue.claim_next("pi") is None
    assert await queue.next_for("pi") is None


# --- targets and labels -----------------------------------------------------------------------


async def test_target_is_an_instance(queue: QueueDriver):
    """A task for one instance is offered to that one only."""
    task = await queue.submit(target="macbook")

    assert await queue.claim_next("pi") is None
    claimed = await queue.claim_next("macbook")

    assert claimed is not None
    assert claimed.id == task.id


async def test_target_is_a_label(queue: QueueDriver):
    """A task for a label is offered to whoever says so in the request."""
    task = await queue.submit(target="gpu")

    assert await queue.next_for("pi", labels=("arm",)) is None
    assert await queue.next_for("pi", labels=("arm", "gpu")) == task.id


async def test_announced_labels_hold_where_the_claim_names_none(queue: QueueDriver):
    """Left out, those of the last heartbeat hold; named, they hold for that request alone."""
    task = await queue.submit(target="gpu")
    await queue.announce("pi", labels=("gpu",))

    assert await queue.next_for("pi") == task.id
    assert await queue.next_for("pi", labels=()) is None


async def test_labels_of_a_claim_are_not_remembered(queue: QueueDriver):
    """A claim's labels announce nothing."""
    await queue.claim_next("pi", labels=("gpu",))
    await queue.submit(target="gpu")

    assert await queue.next_for("pi") is None


async def test_best_of_all_offers_wins(queue: QueueDriver):
    """Whether for everybody, for the instance, or for a label: the order is one."""
    for_label = await queue.submit(target="gpu", priority=Priority.HIGH)
    for_me = await queue.submit(target="pi", priority=Priority.URGENT)
    for_all = await queue.submit(priority=Priority.HIGH)

    order = [await queue.claim_next("pi", labels=("gpu",)) for _ in range(3)]

    assert [task.id for task in order if task] == [for_me.id, for_label.id, for_all.id]


async def test_claim_by_id_needs_the_right_target(queue: QueueDriver):
    """A task for another instance is refused by name."""
    task = await queue.submit(target="macbook")

    with pytest.raises(WrongTarget, match="macbook"):
        await queue.claim(task, by="pi")


async def test_claim_by_id_uses_announced_labels(queue: QueueDriver):
    """A label that the instance announced lets it claim by id."""
    task = await queue.submit(target="gpu")
    await queue.announce("pi", labels=("gpu",))

    assert (await queue.claim(task, by="pi")).claimed_by == "pi"


# --- projects ---------------------------------------------------------------------------------


async def test_named_projects_are_served_and_no_others(queue: QueueDriver):
    """An instance that named projects gets theirs alone, and no task without a project."""
    await queue.submit()
    await queue.submit(project="other")
    task = await queue.submit(project="athena", priority=Priority.LOW)

    claimed = await queue.claim_next("pi", projects=("athena", "unused"))

    assert claimed is not None
    assert claimed.id == task.id
    assert await queue.next_for("pi", projects=("athena", "unused")) is None


async def test_no_named_project_means_all(queue: QueueDriver):
    """An instance that named no project is offered everything, in one order."""
    first = await queue.submit(project="athena")
    second = await queue.submit()

    order = [await queue.claim_next("pi", projects=()) for _ in range(2)]

    assert [task.id for task in order if task] == [first.id, second.id]


async def test_announced_projects_hold_where_the_claim_names_none(queue: QueueDriver):
    """Left out, those of the last heartbeat hold."""
    await queue.submit(project="other")
    task = await queue.submit(project="athena")
    await queue.announce("pi", projects=("athena",))

    assert await queue.next_for("pi") == task.id


async def test_claim_by_id_ignores_projects(queue: QueueDriver):
    """Who names a task by its id means it."""
    task = await queue.submit(project="other")
    await queue.announce("pi", projects=("athena",))

    assert (await queue.claim(task, by="pi")).claimed_by == "pi"


async def test_best_of_several_projects_wins(queue: QueueDriver):
    """The order is one over all the projects that an instance serves."""
    a = await queue.submit(project="a", priority=Priority.LOW)
    b = await queue.submit(project="b", priority=Priority.HIGH)
    c = await queue.submit(project="c", priority=Priority.MEDIUM)

    order = [await queue.claim_next("pi", projects=("a", "b", "c")) for _ in range(3)]

    assert [task.id for task in order if task] == [b.id, c.id, a.id]


# --- gates of a claim by id -------------------------------------------------------------------


async def test_blocked_task_is_refused(queue: QueueDriver):
    """A task that waits for another cannot be claimed by id."""
    first = await queue.submit()
    task = await queue.submit(depends_on=(first,))

    with pytest.raises(TaskBlocked):
        await queue.claim(task, by="pi")


async def test_scheduled_task_is_refused(queue: QueueDriver):
    """A task that is not due cannot be claimed by id."""
    task = await queue.submit(not_before=queue.clock.now() + timedelta(minutes=1))

    with pytest.raises(TaskScheduled):
        await queue.claim(task, by="pi")


async def test_task_behind_in_its_lane_is_refused(queue: QueueDriver):
    """Only the head of a lane can be claimed by id."""
    await queue.submit(lane="deploy")
    task = await queue.submit(lane="deploy")

    with pytest.raises(LaneBusy):
        await queue.claim(task, by="pi")


async def test_parked_task_is_refused(queue: QueueDriver):
    """A task that waits parked cannot be claimed by id, not even by who parked it."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi")

    with pytest.raises(TaskIsParked):
        await queue.claim(task, by="pi")


@pytest.mark.parametrize("paused", [{}, {"project": "athena"}, {"instance": "pi"}])
async def test_paused_task_is_refused(queue: QueueDriver, paused: dict[str, str]):
    """A pause of everything, of the project or of the instance stops a claim by id."""
    task = await queue.submit(project="athena")
    await queue.pause(**paused)

    with pytest.raises(QueueIsPaused):
        await queue.claim(task, by="pi")


async def test_refused_claim_changes_nothing(queue: QueueDriver):
    """A refusal leaves the task, the log, and even the claimer's presence as they were."""
    task = await queue.submit(target="macbook")
    log = await queue.log()

    with pytest.raises(WrongTarget):
        await queue.claim(task, by="pi")

    assert await queue.get(task) == task
    assert await queue.log() == log


# --- finish and claim in one ------------------------------------------------------------------


async def test_finish_completes_and_claims_at_once(queue: QueueDriver):
    """A busy worker needs one request a task."""
    first = await queue.claimed_by("pi")
    second = await queue.submit()

    claimed = await queue.claim_next("pi", finish=finish(first, notes="done"))

    assert claimed is not None
    assert claimed.id == second.id
    done = await queue.get(first)
    assert (done.status, done.notes) == (Status.COMPLETED, "done")


async def test_refused_finish_claims_nothing(queue: QueueDriver):
    """Where the finish is refused, nothing is claimed."""
    first = await queue.claimed_by("macbook")
    second = await queue.submit()

    with pytest.raises(NotHolder):
        await queue.claim_next("pi", finish=finish(first))

    assert await queue.status_of(first) is Status.IN_PROGRESS
    assert await queue.status_of(second) is Status.PENDING


async def test_finish_without_a_next_task_still_completes(queue: QueueDriver):
    """The finish counts, whether or not there is more to do."""
    task = await queue.claimed_by("pi")

    assert await queue.claim_next("pi", finish=finish(task)) is None

    assert await queue.status_of(task) is Status.COMPLETED


async def test_finish_can_free_what_is_claimed(queue: QueueDriver):
    """The next task may be the one that waited for the finished one."""
    first = await queue.claimed_by("pi")
    second = await queue.submit(depends_on=(first,))

    claimed = await queue.claim_next("pi", finish=finish(first))

    assert claimed is not None
    assert claimed.id == second.id


# --- undo -------------------------------------------------------------------------------------


async def test_claim_that_never_arrived_is_taken_back(queue: QueueDriver):
    """A claim whose answer found nobody is released at once, without a failure."""
    task = await queue.claimed_by("pi")

    await queue.services.claims.undo(task)

    back = await queue.get(task)
    assert (back.status, back.failures, back.claimed_by) == (Status.PENDING, 0, None)
    assert await queue.story_of(task) == ["submitted", "claimed", "released"]
    assert (await queue.history_of(task))[-1].data["reason"]


async def test_renewed_claim_is_not_taken_back(queue: QueueDriver):
    """A holder that claimed again, and did not hear the answer, still holds the task."""
    task = await queue.claimed_by("pi")
    queue.clock.advance(timedelta(seconds=1))
    again = await queue.claim(task, by="pi")

    await queue.services.claims.undo(again)

    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_undo_spares_what_happened_since(queue: QueueDriver):
    """A task that somebody else claimed meanwhile is not taken from it."""
    task = await queue.claimed_by("pi")
    await queue.release(task, "pi")
    await queue.claim(task, by="macbook")

    await queue.services.claims.undo(task)

    assert (await queue.get(task)).claimed_by == "macbook"
