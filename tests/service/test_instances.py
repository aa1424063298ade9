"""Who is there: registered by what they do, offline by silence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from athena.model.instance import Instance, Presence
from tests.service.driver import QueueDriver
from tests.store.clock import START


async def presence_of(queue: QueueDriver, slug: str) -> Presence:
    return {one.instance.slug: one for one in await queue.services.instances.list()}[slug]


async def test_heartbeat_registers_an_instance(queue: QueueDriver):
    """With everything that it says of itself."""
    said: dict[str, Any] = {
        "name": "MacBook Pro",
        "host": "mbp.local",
        "platform": "darwin",
        "version": "1.0",
        "labels": ("gpu",),
        "projects": ("athena",),
        "slots": 2,
        "health": {"ok": True},
    }

    await queue.announce("macbook", **said)

    instance = (await presence_of(queue, "macbook")).instance
    assert {name: getattr(instance, name) for name in said} == said
    assert instance.online
    assert instance.display_name == "MacBook Pro"
    assert instance.first_seen == instance.last_seen == queue.clock.now()


async def test_what_a_heartbeat_leaves_out_stays(queue: QueueDriver):
    """A bare heartbeat forgets nothing; an empty list is a word."""
    await queue.announce("pi", name="Pi", labels=("arm",), projects=("athena",))

    await queue.announce("pi")
    kept = (await presence_of(queue, "pi")).instance
    await queue.announce("pi", labels=(), projects=())
    emptied = (await presence_of(queue, "pi")).instance

    assert (kept.name, kept.labels, kept.projects) == ("Pi", ("arm",), ("athena",))
    assert (emptied.name, emptied.labels, emptied.projects) == ("Pi", (), None)


async def test_any_claim_registers_its_instance(queue: QueueDriver):
    """By id or by asking, with or without success."""
    await queue.claimed_by("pi")
    await queue.claim_next("macbook")

    assert [one.instance.slug for one in await queue.services.instances.list()] == [
        "macbook",
        "pi",
    ]


async def test_instances_are_shown_with_what_they_hold(queue: QueueDriver):
    """By the ids of their tasks."""
    tasks = [await queue.claimed_by("pi") for _ in range(2)]
    await queue.announce("macbook")

    assert (await presence_of(queue, "pi")).tasks == tuple(task.id for task in tasks)
    assert (await presence_of(queue, "macbook")).tasks == ()


async def test_coming_is_told_once(queue: QueueDriver):
    """The first sighting is news; the next ones are not."""
    await queue.announce("pi")
    await queue.announce("pi")
    await queue.claim_next("pi")

    told = [(e.type, e.actor.name, dict(e.data)) for e in await queue.log()]
    assert told == [("instance.online", "pi", {"instance": "pi"})]


async def test_silence_of_three_minutes_is_going_offline(queue: QueueDriver):
    """Noted and told; the next sign of life is told again."""
    await queue.announce("pi")

    queue.clock.advance(timedelta(minutes=3))
    assert await queue.services.instances.mark_silent() == 0
    queue.clock.advance(timedelta(milliseconds=1))
    assert await queue.services.instances.mark_silent() == 1
    assert not (await presence_of(queue, "pi")).instance.online
    await queue.claim_next("pi")

    assert (await presence_of(queue, "pi")).instance.online
    assert [e.type for e in await queue.log()] == [
        "instance.online",
        "instance.offline",
        "instance.online",
    ]


@pytest.mark.parametrize("way", ["progress", "renew"])
async def test_work_is_a_sign_of_life(queue: QueueDriver, way: str):
    """Whoever reports is there."""
    task = await queue.claimed_by("pi")
    queue.clock.advance(timedelta(minutes=2))

    await (queue.progress(task, "pi", percent=1) if way == "progress" else queue.renew(task, "pi"))
    queue.clock.advance(timedelta(minutes=2))

    assert await queue.services.instances.mark_silent() == 0


async def test_sightings_close_together_are_written_once(queue: QueueDriver):
    """Claims do not pay for a write each."""
    await queue.claim_next("pi")
    seen = (await presence_of(queue, "pi")).instance.last_seen
    queue.clock.advance(timedelta(seconds=14))

    await queue.claim_next("pi")
    assert (await presence_of(queue, "pi")).instance.last_seen == seen
    queue.clock.advance(timedelta(seconds=1))
    await queue.claim_next("pi")

    assert (await presence_of(queue, "pi")).instance.last_seen == queue.clock.now()


async def test_sickness_is_told_once(queue: QueueDriver):
    """A worker that cannot work says why; well again and sick again is told again."""
    for ok in (False, False, True, False):
        await queue.announce("pi", health={"ok": ok, "message": "claude is not signed in"})

    sick = [e for e in await queue.log() if e.type == "instance.sick"]
    assert len(sick) == 2
    assert dict(sick[0].data) == {"instance": "pi", "message": "claude is not signed in"}


async def test_recovery_is_told_once(queue: QueueDriver):
    """Whoever was told that it cannot work learns that it can; nothing of one that always could."""
    for health in ({"ok": True}, {"ok": False}, {"ok": True}, {"ok": True}):
        await queue.announce("pi", health=health)

    well = [e for e in await queue.log() if e.type == "instance.well"]
    assert [dict(event.data) for event in well] == [{"instance": "pi"}]


async def test_sickness_of_some_projects_is_told_with_their_names(queue: QueueDriver):
    """Of each once, while it works on the others; well is who has none left."""
    for sick in (["lib"], ["lib"], ["lib", "web"], ["web"], []):
        health = {"ok": True, "message": "gone", "sick_projects": sick}
        await queue.announce("pi", health=health)

    told = [e for e in await queue.log() if e.type in {"instance.sick", "instance.well"}]
    assert [(e.type, e.data.get("projects")) for e in told] == [
        ("instance.sick", ("lib",)),
        ("instance.sick", ("web",)),
        ("instance.well", None),
    ]


@pytest.mark.parametrize("odd", [7, "lib", [7], {"lib": 1}, None])
async def test_odd_names_of_sick_projects_are_passed_over(queue: QueueDriver, odd: object):
    """An instance can say anything."""
    await queue.announce("pi", health={"ok": True, "sick_projects": odd})

    assert [e.type for e in await queue.log() if e.type == "instance.sick"] == []


async def test_sickness_without_words(queue: QueueDriver):
    """What is no text is no message."""
    await queue.announce("pi", health={"ok": False, "message": 7})

    sick = [e for e in await queue.log() if e.type == "instance.sick"]
    assert dict(sick[0].data) == {"instance": "pi"}


async def test_restarted_worker_keeps_no_orphan_alive(queue: QueueDriver):
    """A heartbeat of the same name that does not mention a task does not renew it."""
    orphan = await queue.claimed_by("pi", lease=timedelta(minutes=2))
    await queue.advance(minutes=1)
    answer = await queue.announce("pi")
    await queue.advance(minutes=1)

    assert (answer.held, answer.unnamed) == ((), (orphan.id,))
    assert (await queue.get(orphan)).claimed_by is None


def test_name_for_people():
    """An instance without a name goes by its slug."""
    assert Instance(slug="pi", first_seen=START, last_seen=START).display_name == "pi"
