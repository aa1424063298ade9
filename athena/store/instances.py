"""Instances, pauses, and their rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from athena.model.instance import Instance
from athena.model.pause import Pause, Pauses
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store.base import Reading, Row, Transaction
from athena.store.columns import json_column, json_object, strings


def from_row(row: Row) -> Instance:
    """The instance that a row holds."""
    return Instance(
        slug=row["slug"],
        name=row["name"],
        host=row["host"],
        platform=row["platform"],
        version=row["version"],
        labels=strings(row["labels"]),
        projects=None if row["projects"] is None else strings(row["projects"]),
        slots=row["slots"],
        health=json_object(row["health"]),
        first_seen=from_epoch_milliseconds(row["first_seen"]),
        last_seen=from_epoch_milliseconds(row["last_seen"]),
        online=bool(row["online"]),
    )


async def find(reading: Reading, slug: str) -> Instance | None:
    """The instance, or None."""
    row = await reading.fetch_one("get_instance", {"slug": slug})
    return None if row is None else from_row(row)


async def recall(tx: Transaction, slug: str) -> Instance | None:
    """As `find`, for who comes by with every claim."""
    known = tx.memory.find(Instance, slug)
    if known is None:
        known = await find(tx, slug)
        if known is not None:
            tx.memory.keep(slug, known)
    return known


async def recall_all(tx: Transaction, slugs: Iterable[str]) -> dict[str, Instance]:
    """Those of the instances that are known, by slug."""
    known = {slug: tx.memory.find(Instance, slug) for slug in slugs}
    missing = sorted(slug for slug, instance in known.items() if instance is None)
    if missing:
        for row in await tx.fetch_all("instances_of", {"slugs": json_column(missing)}):
            known[row["slug"]] = instance = from_row(row)
            tx.memory.keep(instance.slug, instance)
    return {slug: instance for slug, instance in known.items() if instance is not None}


async def save(tx: Transaction, instance: Instance) -> None:
    """Store an instance, new or known."""
    tx.memory.keep(instance.slug, instance)
    await tx.defer(
        "save_instance",
        ("instance", instance.slug),
        {
            "slug": instance.slug,
            "name": instance.name,
            "host": instance.host,
            "platform": instance.platform,
            "version": instance.version,
            "labels": json_column(instance.labels),
            "projects": None if instance.projects is None else json_column(instance.projects),
            "slots": instance.slots,
            "health": json_column(instance.health),
            "first_seen": epoch_milliseconds(instance.first_seen),
            "last_seen": epoch_milliseconds(instance.last_seen),
            "online": int(instance.online),
        },
    )


async def list_all(reading: Reading, *, limit: int) -> list[Instance]:
    """The instances, by slug."""
    return [from_row(row) for row in await reading.fetch_all("list_instances", {"limit": limit})]


async def silent_since(reading: Reading, before: datetime, *, limit: int) -> list[Instance]:
    """Instances that count as online and were last seen before a time."""
    values = {"before": epoch_milliseconds(before), "limit": limit}
    return [from_row(row) for row in await reading.fetch_all("silent_instances", values)]


async def pauses(reading: Reading) -> Pauses:
    """All pauses in force."""
    rows = await reading.fetch_all("list_pauses")
    return Pauses(
        tuple(
            Pause(project=row["project"] or None, instance=row["instance"] or None) for row in rows
        )
    )


async def recall_pauses(tx: Transaction) -> Pauses:
    """As `pauses`, for who comes by with every claim."""
    known = tx.memory.find(Pauses, None)
    if known is None:
        known = await pauses(tx)
        tx.memory.keep(None, known)
    return known


async def add_pause(tx: Transaction, pause: Pause) -> bool:
    """Put a pause in force; False where it was already."""
    tx.memory.drop(Pauses, None)
    return await tx.execute("insert_pause", _pause_row(pause)) == 1


async def remove_pause(tx: Transaction, pause: Pause) -> bool:
    """End a pause; False where there was none."""
    tx.memory.drop(Pauses, None)
    return await tx.execute("delete_pause", _pause_row(pause)) == 1


def _pause_row(pause: Pause) -> dict[str, str]:
    return {"project": pause.project or "", "instance": pause.instance or ""}
