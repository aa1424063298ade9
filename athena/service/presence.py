"""Who is there: instances are registered by what they do, and go offline by silence."""

from __future__ import annotations

from dataclasses import replace

from athena.model import limits
from athena.model.event import SYSTEM, Actor, ActorKind, InstanceOffline, InstanceOnline
from athena.model.instance import Instance
from athena.store import events, instances
from athena.store.base import Store, Transaction


async def seen(tx: Transaction, slug: str) -> Instance:
    """The instance, noted as seen now; written only where the last sighting has aged."""
    known = await instances.recall(tx, slug)
    if known is not None and known.was_seen_lately(tx.now):
        return known
    if known is None:
        known = Instance(slug=slug, first_seen=tx.now, last_seen=tx.now, online=False)
    return await note(tx, known, replace(known, last_seen=tx.now, online=True))


async def note(tx: Transaction, before: Instance | None, after: Instance) -> Instance:
    """Store a sighting, with the event that the instance has come back if it was away."""
    if before is None or not before.online:
        # The instance was read without a lock: of two requests at once only one may tell of it.
        await tx.alone()
    await instances.save(tx, after)
    if before is None or not before.online:
        by = Actor(ActorKind.INSTANCE, after.slug)
        await events.append(tx, InstanceOnline(instance=after.slug), by)
    return after


async def mark_silent(store: Store) -> int:
    """Note as offline whoever was not seen for three minutes; gives their number."""

    async def act(tx: Transaction) -> int:
        before = tx.now - limits.ONLINE_WITHIN
        silent = await instances.silent_since(tx, before, limit=limits.SWEEP_BATCH)
        for instance in silent:
            await instances.save(tx, replace(instance, online=False))
            await events.append(tx, InstanceOffline(instance=instance.slug), SYSTEM)
        return len(silent)

    return await store.run(act)
