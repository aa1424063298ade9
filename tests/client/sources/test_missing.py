"""A document that is not to be seen is not a deleted one yet."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.client.sources.folders import AT_ONCE, DOOR, NEVER, ROOF, Watched, text

GONE = replace(AT_ONCE, gone=0.3)


async def take_away_for_a_look(inbox: Watched) -> None:
    """As editors do that rename the old file and write a new one."""
    path = inbox.path("pending")
    path.rename(inbox.source.path / "planning" / "kept.md")
    await inbox.look_here()
    (inbox.source.path / "planning" / "kept.md").rename(path)
    await inbox.look_here()


async def test_a_document_that_is_saved_twice_is_not_deleted(watch_folder):
    """How long it was missing is not counted from an earlier time."""
    inbox = watch_folder(timing=GONE)
    inbox.drop()
    await inbox.look_here()

    await take_away_for_a_look(inbox)
    await asyncio.sleep(2 * GONE.gone)
    await take_away_for_a_look(inbox)

    assert (await inbox.task()).status == "pending"


async def test_while_the_folder_is_not_seen_nothing_is_missing(watch_folder):
    """A mount that comes back may not show all of it with the first look."""
    inbox = watch_folder(timing=GONE)
    inbox.drop()
    await inbox.look_here()

    inbox.path("pending").rename(inbox.path("planning"))
    await inbox.look_here()
    inbox.intake.lose_sight()
    await asyncio.sleep(2 * GONE.gone)
    await inbox.look_here()

    assert (await inbox.task()).status == "pending"


async def test_a_document_renamed_behind_one_that_is_being_written_goes_on(watch_folder):
    """It is not taken for deleted before all names were looked at, nor done again."""
    inbox = watch_folder()
    inbox.drop(DOOR)
    await inbox.look_here()
    task = await inbox.claimed()
    inbox.desk.timing = replace(AT_ONCE, still=NEVER)

    inbox.path("pending", DOOR).rename(inbox.path("pending", ROOF))
    inbox.path("pending", "task-20260101-000000-long").write_text(text()[:20])
    await inbox.look_here()
    inbox.path("pending", "task-20260101-000000-long").unlink()
    await inbox.look_here()

    assert [each.id for each in await inbox.tasks()] == [task.id]
    assert inbox.open_record(ROOF).task_id == task.id
