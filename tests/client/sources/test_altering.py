"""What people do to documents in `pending/`: they rewrite, rename, and take them away."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from claude_task_client.sources.documents import parse
from claude_task_client.sources.records import SUBMITTING
from tests.client.sources.folders import AT_ONCE, DOOR, NEVER, ROOF, text

# --- rewritten


async def test_a_document_rewritten_before_its_task_begins_changes_the_task(inbox):
    """Whoever works on it gets what stands in the folder."""
    inbox.drop()
    await inbox.look()

    inbox.drop(content=text(task="It creaks.", head="priority: urgent"))
    await inbox.look()

    task = await inbox.task()
    assert "It creaks." in task.description
    assert task.priority == "urgent"
    assert inbox.said[-1].endswith("has its new text.")


async def test_a_document_rewritten_while_its_task_runs_is_noted_and_no_more(inbox):
    """The work goes on with the old text, and the report says so."""
    inbox.drop()
    await inbox.look()
    task = await inbox.claimed()

    inbox.drop(content=text(task="It creaks."))
    await inbox.look()
    await inbox.look()

    assert "It squeaks." in (await inbox.task()).description
    assert len([line for line in inbox.said if "changed after" in line]) == 1
    await inbox.athena.cancel(task.id)
    await inbox.look()
    assert "changed after its task had begun" in inbox.report()


async def test_a_document_rewritten_to_nonsense_stays_the_task_that_it_was(inbox):
    """Somebody may be in the middle of it; it is not moved away under the task."""
    inbox.drop()
    await inbox.look()

    inbox.drop(content="# oops")
    await inbox.look()
    await inbox.look()

    assert "It squeaks." in (await inbox.task()).description
    assert inbox.place() == "pending"
    assert len([line for line in inbox.said if "not taken" in line]) == 1

    inbox.drop(content=text(task="It creaks."))
    await inbox.look()
    assert "It creaks." in (await inbox.task()).description


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "cannot be read any more: line 1: this is not UTF-8"),
        (text(head="after: 999999999").encode(), "was not taken: "),
        (text(head=f"after: {ROOF}").encode(), f"was not taken: {ROOF}"),
    ],
)
async def test_a_change_that_nobody_can_take_is_told_once(inbox, content, told):
    """The task stays what it was."""
    inbox.drop()
    await inbox.look()

    inbox.drop(content=content)
    for _ in range(3):
        await inbox.look()

    assert len([line for line in inbox.said if told in line]) == 1
    assert "It squeaks." in (await inbox.task()).description
    assert inbox.place() == "pending"


async def test_a_change_that_is_still_being_written_waits(watch_folder):
    """As a new document does."""
    inbox = watch_folder(timing=replace(AT_ONCE, still=NEVER))
    os.utime(inbox.drop(), ns=(1, 1))
    await inbox.look()

    inbox.path("pending").write_text(text(task="It creaks."))
    await inbox.look_here()

    assert "It squeaks." in (await inbox.task()).description


async def test_a_change_of_a_task_that_is_gone_is_the_reviews_matter(inbox):
    """It was deleted at Athena in the same moment."""
    inbox.drop()
    await inbox.look()
    await inbox.athena.delete((await inbox.task()).id)

    inbox.drop(content=text(task="It creaks."))
    await inbox.look_here()
    await inbox.look()

    assert inbox.result()["status"] == "deleted"


async def test_a_document_that_was_only_touched_changes_nothing(inbox):
    """The text counts, not the file's date."""
    inbox.drop()
    await inbox.look()
    before = await inbox.task()

    inbox.drop()
    await inbox.look()

    assert (await inbox.task())["updated_at"] == before["updated_at"]


# --- renamed


async def test_a_document_renamed_before_it_was_seen_is_called_so(inbox):
    """Nobody knows its former name."""
    inbox.drop().rename(inbox.path("pending", ROOF))

    await inbox.look()

    assert (await inbox.task()).metadata["document"] == ROOF


async def test_a_document_renamed_after_it_was_submitted_is_the_same_task(inbox):
    """Its result comes under the new name."""
    inbox.drop()
    await inbox.look()

    inbox.path("pending").rename(inbox.path("pending", ROOF))
    await inbox.look()
    assert (await inbox.task()).metadata["document"] == ROOF
    await inbox.complete()
    await inbox.look()

    assert inbox.place(ROOF) == "completed"
    assert inbox.result(ROOF)["document"] == ROOF
    assert f"It was called {DOOR} before." in inbox.report(ROOF)
    assert inbox.names(".athena/open") == []


async def test_a_document_renamed_by_copying_is_the_same_task(inbox):
    """On some mounts a rename is a copy: then the text tells."""
    inbox.drop()
    await inbox.look()

    shutil.copyfile(inbox.path("pending"), inbox.path("pending", ROOF))
    inbox.path("pending").unlink()
    await inbox.look()

    assert (await inbox.task()).metadata["document"] == ROOF


async def test_a_document_with_the_text_of_one_that_is_done_is_another(inbox):
    """The same may be wanted every day; another watcher has just moved yesterday's."""
    inbox.drop()
    await inbox.look()
    record = inbox.open_record()
    await inbox.complete()
    await inbox.look()
    inbox.desk.records.save(record)

    inbox.drop(ROOF)
    inbox.begin_anew()
    await inbox.look_here()
    await inbox.look()

    assert [task.metadata["document"] for task in await inbox.tasks()] == [DOOR, ROOF]
    assert inbox.place(ROOF) == "pending"


async def test_a_document_renamed_before_its_answer_came_is_the_same_task(inbox):
    """It is submitted again under the name of its first time."""
    inbox.drop()
    await inbox.look()
    record = inbox.open_record()
    body = inbox.desk.known.body(parse(text()), record, depends_on=[])
    inbox.desk.records.save(replace(record, task_id=None, status=SUBMITTING, body=body))
    inbox.path("pending").rename(inbox.path("pending", ROOF))

    inbox.begin_anew()
    await inbox.look_here()
    await inbox.look_here()

    assert inbox.open_record(ROOF).task_id == (await inbox.task()).id


async def test_a_document_renamed_while_its_task_ends_takes_the_end_with_it(inbox):
    """The result comes under the name that it has."""
    inbox.drop()
    await inbox.look()
    await inbox.complete()
    inbox.path("pending").rename(inbox.path("pending", ROOF))

    await inbox.look_here()
    await inbox.look()

    assert inbox.place(ROOF) == "completed"
    assert inbox.names("results") == [f"{ROOF}.json"]


async def test_a_rename_interrupted_by_a_kill_is_one_document(inbox):
    """Killed between its two records, the one without a document goes."""
    inbox.drop()
    await inbox.look()
    record = inbox.open_record()
    inbox.path("pending").rename(inbox.path("pending", ROOF))
    inbox.desk.records.save(replace(record, stem=ROOF))

    inbox.begin_anew()
    await inbox.look()

    assert inbox.names(".athena/open") == [f"{ROOF}.json"]
    assert (await inbox.task()).status == "pending"


async def test_a_document_under_the_former_name_of_another_is_its_own(inbox):
    """The one that was renamed has its task, and the new one gets another."""
    inbox.drop()
    await inbox.look()
    inbox.path("pending").rename(inbox.path("pending", ROOF))
    await inbox.look()

    inbox.drop(content=text(task="It creaks."))
    await inbox.look()

    assert len(await inbox.tasks()) == 2


async def test_a_document_renamed_to_a_name_that_was_done_before_is_done(inbox):
    """What came of the earlier one is kept under a number."""
    inbox.drop(ROOF)
    await inbox.look()
    await inbox.complete()
    await inbox.look()
    inbox.drop(content=text(task="It creaks."))
    await inbox.look()

    inbox.path("pending").rename(inbox.path("pending", ROOF))
    await inbox.look()
    await inbox.complete()
    await inbox.look()

    assert inbox.names("completed") == [f"{ROOF}.1.md", f"{ROOF}.md"]
    assert inbox.names("results") == [f"{ROOF}.1.json", f"{ROOF}.json"]
    assert "It creaks." in inbox.path("completed", ROOF).read_text()


async def test_a_copy_is_a_document_of_its_own(inbox):
    """Two files, two tasks."""
    inbox.drop()
    await inbox.look()

    shutil.copyfile(inbox.path("pending"), inbox.path("pending", ROOF))
    await inbox.look()

    assert len(await inbox.tasks()) == 2


# --- taken away


async def test_a_document_taken_away_before_its_task_begins_cancels_it(inbox):
    """A person who deletes it means "don't"; result and report say what happened."""
    inbox.drop()
    await inbox.look()

    inbox.path("pending").unlink()
    await inbox.look()

    assert (await inbox.task()).status == "cancelled"
    assert inbox.result()["status"] == "cancelled"
    assert "taken out of pending/" in inbox.report()
    assert inbox.open_record() is None


@pytest.mark.parametrize("folder", ["staging", "planning"])
async def test_a_document_moved_out_of_the_queue_cancels_its_task(inbox, folder):
    """It stays where it was put."""
    inbox.drop()
    await inbox.look()

    inbox.path("pending").rename(inbox.path(folder))
    await inbox.look()

    assert (await inbox.task()).status == "cancelled"
    assert inbox.names(folder) == [f"{DOOR}.md"]


async def test_a_document_taken_away_while_its_task_runs_stops_nothing(inbox):
    """What has begun is brought to its end, and told."""
    inbox.drop()
    await inbox.look()
    task = await inbox.claimed()

    inbox.path("pending").unlink()
    await inbox.look()
    await inbox.look()

    assert (await inbox.task()).status == "in_progress"
    assert len([line for line in inbox.said if "runs, and goes on" in line]) == 1
    await inbox.athena.cancel(task.id)
    await inbox.look()
    assert "while its task ran" in inbox.report()
    assert inbox.names(".athena/open") == []


async def test_a_document_in_the_place_of_one_that_runs_has_its_turn_later(inbox):
    """It is no change of the one that was taken away: it is done as well, after it."""
    inbox.drop()
    await inbox.look()
    task = await inbox.claimed()
    inbox.path("pending").unlink()
    await inbox.look()

    inbox.drop(content=text(task="It creaks."))
    await inbox.look()
    assert len(await inbox.tasks()) == 1
    await inbox.athena.cancel(task.id)
    await inbox.look()

    assert inbox.place() == "pending"
    assert "It creaks." in (await inbox.tasks())[1].description
    assert inbox.names("results") == [f"{DOOR}.1.json"]


async def test_a_document_that_comes_back_while_its_task_runs_is_that_one(inbox):
    """It was only carried away for a while."""
    inbox.drop()
    await inbox.look()
    await inbox.claimed()
    inbox.path("pending").rename(inbox.path("planning"))
    await inbox.look()

    inbox.path("planning").rename(inbox.path("pending"))
    await inbox.look()
    await inbox.athena.cancel((await inbox.task()).id)
    await inbox.look()

    assert inbox.place() == "failed"
    assert len(await inbox.tasks()) == 1


async def test_a_document_that_is_missing_for_a_moment_is_not_deleted(watch_folder):
    """Some editors remove a file and write it anew."""
    inbox = watch_folder(timing=replace(AT_ONCE, gone=NEVER))
    inbox.drop()
    await inbox.look_here()

    content = inbox.path("pending").read_text()
    inbox.path("pending").unlink()
    await inbox.look_here()
    inbox.path("pending").write_text(content)
    await inbox.look_here()

    assert (await inbox.task()).status == "pending"


async def test_a_document_taken_away_with_its_task_is_told(inbox):
    """Both were deleted, here and at Athena."""
    inbox.drop()
    await inbox.look()
    await inbox.athena.delete((await inbox.task()).id)
    inbox.path("pending").unlink()

    await inbox.look_here()

    assert inbox.result()["status"] == "deleted"


async def test_a_document_taken_away_after_the_end_is_told(inbox):
    """Whoever was quick finds the result."""
    inbox.drop()
    await inbox.look()
    await inbox.complete()
    inbox.path("pending").unlink()

    await inbox.look_here()

    assert inbox.result()["status"] == "completed"


async def test_a_document_taken_away_before_the_answer_came_is_no_task(inbox):
    """Where the submission had come through, its task is cancelled."""
    inbox.drop()
    await inbox.look()
    record = inbox.open_record()
    inbox.desk.records.save(replace(record, task_id=None, status=SUBMITTING, body={}))
    inbox.path("pending").unlink()

    inbox.begin_anew()
    await inbox.look_here()

    assert (await inbox.task()).status == "cancelled"


async def test_a_document_taken_away_before_it_was_submitted_is_forgotten(inbox):
    """Athena never heard of it."""
    inbox.drop()
    await inbox.look()
    record = inbox.open_record()
    await inbox.athena.delete(record.task_id)
    inbox.desk.records.save(replace(record, task_id=None, status=SUBMITTING, body={}))
    inbox.path("pending").unlink()

    inbox.begin_anew()
    await inbox.look_here()

    assert await inbox.tasks() == []
    assert inbox.names(".athena/open") == []
