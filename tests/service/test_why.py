"""Why is it not running? Every pending task has an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from athena.model.errors import TaskNotFound
from athena.model.lifecycle import Status
from athena.model.reason import Reason, ReasonCode, Why
from athena.model.task import Priority, Readiness, TaskId
from athena.model.text import iso
from tests.service.driver import QueueDriver


@pytest.fixture(autouse=True)
async def somebody_is_there(queue: QueueDriver) -> None:
    """One idle instance that takes anything, so that only what is tested holds a task."""
    await queue.announce("idle")


async def test_nothing_holds_a_ready_task(queue: QueueDriver):
    """It has its place in the queue, and no reason: somebody will come for it."""
    task = await queue.submit()

    assert await queue.why(task) == Why(readiness=Readiness.READY, position=1)


async def test_place_is_that_of_the_list(queue: QueueDriver):
    """By priority, then by id, among all that are pending, whatever their readiness."""
    later = queue.clock.now() + timedelta(hours=1)
    low = await queue.submit(priority=Priority.LOW)
    scheduled = await queue.submit(priority=Priority.HIGH, not_before=later)
    high = await queue.submit(priority=Priority.HIGH)

    places = [(await queue.why(task)).position for task in (scheduled, high, low)]

    assert places == [1, 2, 3]


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
async def test_task_that_is_not_pending_has_no_place(queue: QueueDriver, status: Status):
    """What runs or has ended waits for nothing."""
    running = status is Status.IN_PROGRESS
    task = await queue.claimed_by("pi") if running else await queue.ended(status)

    assert await queue.why(task) == Why(readiness=None, position=None)


async def test_unknown_task(queue: QueueDriver):
    """There must be a task to ask about."""
    with pytest.raises(TaskNotFound):
        await queue.services.tasks.why(TaskId(99))


async def test_scheduled(queue: QueueDriver):
    """A task that is not due says when it will be."""
    task = await queue.submit(not_before=queue.clock.now() + timedelta(hours=1))

    why = await queue.why(task)

    assert why.readiness is Readiness.SCHEDULED
    assert why.reasons == (Reason(ReasonCode.SCHEDULED, "Not before 2026-11-21T21:00:00.000Z."),)


async def test_blocked_by(queue: QueueDriver):
    """A task that waits for others names them."""
    first, second = await queue.submit(), await queue.ended(Status.FAILED, by="pi")
    task = await queue.submit(depends_on=(first, second))

    why = await queue.why(task)

    assert why.readiness is Readiness.BLOCKED
    assert why.reasons == (
        Reason(
            ReasonCode.BLOCKED_BY,
            f"Waits for #{first.id} (pending), #{second.id} (failed) to be completed.",
        ),
    )


async def test_blocked_by_many(queue: QueueDriver):
    """Not all of very many are named."""
    many = [await queue.submit() for _ in range(25)]
    task = await queue.submit(depends_on=many)

    (reason,) = (await queue.why(task)).reasons

    assert "#20 (pending) and 5 more" in reason.detail


async def test_lane_busy(queue: QueueDriver):
    """A task whose lane has one in progress names that one."""
    running = await queue.claimed_by("pi", lane="deploy")
    task = await queue.submit(lane="deploy")

    (reason,) = (await queue.why(task)).reasons

    assert (reason.code, f"#{running.id}" in reason.detail) == (ReasonCode.LANE_BUSY, True)


async def test_earlier_in_the_lane(queue: QueueDriver):
    """A task behind another in its lane says so."""
    await queue.submit(lane="deploy")
    task = await queue.submit(lane="deploy")

    (reason,) = (await queue.why(task)).reasons

    assert (reason.code, "earlier" in reason.detail) == (ReasonCode.LANE_BUSY, True)


async def test_parked_until(queue: QueueDriver):
    """A parked task says until when."""
    task = await queue.claimed_by("idle")
    await queue.park(task, "idle")

    why = await queue.why(task)

    assert why.readiness is Readiness.PARKED
    assert why.reasons == (
        Reason(ReasonCode.PARKED_UNTIL, "Parked until 2026-11-21T21:00:00.000Z."),
    )


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"target": "gpu"}, "is or is labelled gpu"),
        ({"project": "athena"}, "serves the project athena"),
        ({"target": "gpu", "project": "athena"}, "labelled gpu and serves the project athena"),
    ],
)
async def test_no_instance_serves(queue: QueueDriver, said: dict[str, Any], words: str):
    """A target or project that nobody online serves is named."""
    await queue.announce("idle", labels=("arm",), projects=("other",))
    task = await queue.submit(**said)

    (reason,) = (await queue.why(task)).reasons

    assert (reason.code, words in reason.detail) == (ReasonCode.NO_INSTANCE_SERVES, True)


async def test_nobody_is_online(queue: QueueDriver):
    """Instances that fell silent serve nothing."""
    task = await queue.submit()
    queue.clock.advance(timedelta(minutes=4))
    await queue.services.instances.mark_silent()

    assert await queue.reasons_for(task) == ["no_instance_serves"]


async def test_all_busy(queue: QueueDriver):
    """Where everybody that fits holds a task, they are named."""
    await queue.claimed_by("idle")
    task = await queue.submit()

    (reason,) = (await queue.why(task)).reasons

    assert (reason.code, "idle" in reason.detail) == (ReasonCode.ALL_BUSY, True)


async def test_everybody_is_sick(queue: QueueDriver):
    """One that says that it cannot work comes for nothing."""
    await queue.announce("idle", health={"ok": False, "message": "no claude"})
    task = await queue.submit()

    (reason,) = (await queue.why(task)).reasons

    assert reason.code is ReasonCode.NO_INSTANCE_SERVES
    assert reason.detail == "Sick, and claiming nothing: idle."


@pytest.mark.parametrize(("minutes", "holds"), [(5, True), (-5, False)])
async def test_everybody_is_held_back(queue: QueueDriver, minutes: int, holds: bool):
    """By a usage limit, which passes."""
    until = iso(queue.clock.now() + timedelta(minutes=minutes))
    await queue.announce("idle", health={"ok": True, "limited_until": until})
    task = await queue.submit()

    assert await queue.reasons_for(task) == (["all_busy"] if holds else [])


async def test_one_that_is_well_is_enough(queue: QueueDriver):
    """What keeps others from claiming holds no task."""
    await queue.announce("sick", health={"ok": False})
    task = await queue.submit()

    assert await queue.reasons_for(task) == []


async def test_instance_with_a_free_slot_is_not_busy(queue: QueueDriver):
    """An instance that said how many it does at once is busy with as many."""
    await queue.announce("idle", slots=2)
    await queue.claimed_by("idle")
    task = await queue.submit()

    assert await queue.reasons_for(task) == []


async def test_reserved_for_an_instance_that_is_away(queue: QueueDriver):
    """A task that comes back to its holder first waits for it, if it is away."""
    task = await queue.claimed_by("pi")
    await queue.park(task, "pi", until=queue.clock.now())
    queue.clock.advance(timedelta(minutes=4))
    await queue.services.instances.mark_silent()
    await queue.announce("idle")

    assert await queue.reasons_for(task) == ["parked_until", "no_instance_serves"]


@pytest.mark.parametrize(
    ("pause", "words"),
    [({}, "The queue is paused."), ({"project": "athena"}, "The project athena is paused.")],
)
async def test_paused(queue: QueueDriver, pause: dict[str, str], words: str):
    """A pause of everything or of the project is named."""
    task = await queue.submit(project="athena")
    await queue.pause(**pause)

    why = await queue.why(task)

    assert why.readiness is Readiness.READY
    assert why.reasons == (Reason(ReasonCode.PAUSED, words),)


@pytest.mark.parametrize("project", [None, "athena"])
async def test_every_instance_that_fits_is_paused(queue: QueueDriver, project: str | None):
    """Where all that could take it are paused one by one, that is the reason."""
    task = await queue.submit(project="athena")
    await queue.pause(instance="idle", project=project)

    (reason,) = (await queue.why(task)).reasons

    assert (reason.code, "idle" in reason.detail) == (ReasonCode.PAUSED, True)


async def test_all_reasons_at_once(queue: QueueDriver):
    """Everything that holds a task is named, not only the first."""
    first = await queue.submit()
    await queue.claimed_by("pi", lane="deploy")
    task = await queue.submit(
        lane="deploy",
        target="gpu",
        depends_on=(first,),
        not_before=queue.clock.now() + timedelta(hours=1),
    )
    await queue.pause()

    assert await queue.reasons_for(task) == [
        "paused",
        "blocked_by",
        "scheduled",
        "lane_busy",
        "no_instance_serves",
    ]
