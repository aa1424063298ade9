"""What is paused is not given out; what runs goes on."""

from __future__ import annotations

import pytest

from athena.model.errors import Invalid
from athena.model.lifecycle import Status
from athena.model.pause import Pause, Pauses
from athena.model.task import Readiness
from tests.service.driver import QueueDriver


async def test_paused_queue_gives_out_nothing(queue: QueueDriver):
    """Nothing at all is claimed until it is resumed."""
    task = await queue.submit()

    await queue.pause()
    assert await queue.claim_next("pi") is None
    assert await queue.next_for("pi") is None
    await queue.resume()

    assert await queue.next_for("pi") == task.id


async def test_paused_project_gives_out_nothing(queue: QueueDriver):
    """Of that project; the others, and tasks of none, go on, in their order."""
    paused = await queue.submit(project="athena")
    other = await queue.submit(project="other")
    of_none = await queue.submit()

    await queue.pause(project="athena")
    order = [await queue.claim_next("pi") for _ in range(3)]

    assert [task.id for task in order if task] == [other.id, of_none.id]
    assert await queue.next_for("pi", projects=("athena",)) is None
    await queue.resume(project="athena")
    assert await queue.next_for("pi") == paused.id


async def test_paused_project_of_an_instance_that_names_its_projects(queue: QueueDriver):
    """Only what is not paused of them is offered."""
    await queue.submit(project="athena")
    other = await queue.submit(project="other")

    await queue.pause(project="athena")

    assert await queue.next_for("pi", projects=("athena", "other")) == other.id


async def test_paused_instance_gets_nothing(queue: QueueDriver):
    """The others go on."""
    task = await queue.submit()

    await queue.pause(instance="pi")

    assert await queue.claim_next("pi") is None
    assert await queue.next_for("macbook") == task.id


async def test_project_paused_for_one_instance(queue: QueueDriver):
    """A pause of both holds that project from that instance alone."""
    task = await queue.submit(project="athena")
    other = await queue.submit(project="other")

    await queue.pause(project="athena", instance="pi")

    assert await queue.next_for("pi") == other.id
    assert await queue.next_for("macbook") == task.id


async def test_pause_leaves_what_runs_and_what_is_ready(queue: QueueDriver):
    """What runs goes on to its end; `readiness` is unchanged."""
    running, waiting = await queue.claimed_by("pi"), await queue.submit()

    await queue.pause()

    await queue.progress(running, "pi", percent=50)
    assert (await queue.complete(running, "pi")).status is Status.COMPLETED
    assert await queue.readiness_of(waiting) is Readiness.READY


async def test_holder_may_claim_again_during_a_pause(queue: QueueDriver):
    """A renewal gives nothing out."""
    task = await queue.claimed_by("pi")
    await queue.pause()

    assert (await queue.claim(task, by="pi")).attempt == 1


async def test_pausing_twice_is_pausing_once(queue: QueueDriver):
    """Pause and resume may be repeated; only a change is told."""
    await queue.pause(project="athena")
    await queue.pause(project="athena")
    await queue.resume(project="athena")
    await queue.resume(project="athena")

    told = [(e.type, dict(e.data), e.actor.name) for e in await queue.log()]
    assert told == [
        ("queue.paused", {"project": "athena"}, "alice"),
        ("queue.resumed", {"project": "athena"}, "alice"),
    ]


async def test_pauses_are_independent(queue: QueueDriver):
    """Resuming one leaves the others in force."""
    await queue.pause()
    await queue.pause(project="athena")
    await queue.pause(instance="pi")

    await queue.resume()

    assert await queue.services.queue.pauses() == Pauses(
        (Pause(instance="pi"), Pause(project="athena"))
    )


async def test_pause_of_what_has_no_name_is_refused(queue: QueueDriver):
    """Projects and instances are named by slugs."""
    with pytest.raises(Invalid) as refusal:
        await queue.pause(project="no slug", instance="-")

    assert {error.field for error in refusal.value.errors} == {"project", "instance"}
