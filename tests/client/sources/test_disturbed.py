"""Mounts go away, disks fill up, records are damaged, Athena loses her store: nothing is lost."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from claude_task_client.errors import BadSettings, NothingToDo, Unreachable
from claude_task_client.sources import layout, records, scanning, storing
from claude_task_client.sources.layout import Layout, SourceAway
from claude_task_client.sources.records import Record, Records
from claude_task_client.sources.registry import Source
from tests.client.sources.folders import AT_ONCE, DOOR, ROOF, Folder, Watched, text
from tests.running import RunningServer


@pytest.fixture
async def waiting(inbox: Watched) -> Watched:
    """A document whose task waits."""
    inbox.drop()
    await inbox.look()
    return inbox


# --- the folder


async def test_a_mount_that_goes_away_cancels_nothing(waiting):
    """An empty mount point is no folder whose documents were deleted."""
    root = waiting.source.path
    mounted = root.with_name("elsewhere")
    root.rename(mounted)
    root.mkdir()
    (root / "pending").mkdir()

    with pytest.raises(SourceAway, match="not to be seen"):
        await waiting.look()
    assert list((root / "pending").iterdir()) == []
    assert (await waiting.task()).status == "pending"

    (root / "pending").rmdir()
    root.rmdir()
    mounted.rename(root)
    await waiting.look()
    assert (await waiting.task()).status == "pending"
    assert waiting.place() == "pending"


async def test_a_source_whose_folder_is_gone_is_away(waiting):
    """Nothing is made in its place."""
    waiting.source.path.rename(waiting.source.path.with_name("elsewhere"))

    with pytest.raises(SourceAway):
        await waiting.look()

    assert not waiting.source.path.exists()


async def test_pending_alone_may_be_away(waiting):
    """It may be a mount of its own: it is not made anew."""
    waiting.layout.pending.rename(waiting.source.path / "elsewhere")

    with pytest.raises(SourceAway, match="pending is missing"):
        await waiting.look()

    assert (await waiting.task()).status == "pending"


async def test_pending_that_was_a_mount_is_not_taken_for_emptied(waiting, monkeypatch):
    """What lies under a mount that is away is an empty folder beside a sound mark."""
    scan, is_mount = scanning.scan, True
    monkeypatch.setattr(scanning, "scan", lambda *told: replace(scan(*told), is_mount=is_mount))
    await waiting.look_here()
    is_mount = False
    waiting.path("pending").rename(waiting.path("planning"))

    with pytest.raises(SourceAway, match="which is away"):
        await waiting.look_here()

    assert (await waiting.task()).status == "pending"


@pytest.mark.parametrize("name", ["results", "reports", "completed", "staging", ".athena/tmp"])
async def test_other_folders_are_made_again(waiting, name):
    """Somebody tidied up."""
    for path in (waiting.source.path / name).iterdir():
        path.unlink()
    (waiting.source.path / name).rmdir()
    await waiting.complete()

    await waiting.look()

    assert waiting.place() == "completed"


@pytest.mark.parametrize("name", ["pending", "completed", "results", ".athena"])
async def test_no_folder_leads_out_of_the_source(inbox, tmp_path, name):
    """A link in the place of a folder would have the watcher write elsewhere."""
    outside = tmp_path / "outside"
    (inbox.source.path / name).rename(outside)
    (inbox.source.path / name).symlink_to(outside)
    before = sorted(outside.rglob("*"))

    with pytest.raises(SourceAway):
        await inbox.look()

    assert sorted(outside.rglob("*")) == before


async def test_a_result_is_written_in_place_of_a_link_not_through_it(waiting, tmp_path):
    """Whoever may write into the folder must not reach other files by the watcher."""
    outside = tmp_path / "outside"
    outside.write_text("precious")
    for path in (waiting.layout.result(DOOR), waiting.layout.report(DOOR)):
        path.symlink_to(outside)
    await waiting.complete()

    await waiting.look()

    assert outside.read_text() == "precious"
    assert waiting.result()["status"] == "completed"


async def test_folders_in_the_place_of_our_files_stop_nothing(waiting):
    """Whatever somebody made there is kept."""
    for path in (
        waiting.layout.result(DOOR),
        waiting.layout.report(DOOR),
        waiting.layout.lock(DOOR),
        waiting.layout.record("ended", DOOR),
        waiting.path("completed"),
    ):
        path.mkdir()
        (path / "kept").write_text("x")
    await waiting.complete()

    await waiting.look()

    assert waiting.path("completed").is_file()
    assert waiting.result()["status"] == "completed"
    assert len(list(waiting.source.path.rglob("kept"))) == 5


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"uuid": "x", "id": "y"}', "x" * 5_000])
async def test_without_its_mark_nothing_is_done(waiting, mark):
    """`sources add` makes it anew; a watcher never does."""
    (waiting.layout.own / "source.json").write_text(mark)

    with pytest.raises(SourceAway):
        await waiting.look()


def test_a_mark_is_made_once(tmp_path):
    """Whoever adds the folder again, under whatever name, finds the first one's."""
    folder = Folder(tmp_path / "inbox")
    before = folder.layout.mark()

    after = layout.prepare(replace(folder.source, id="other"))

    assert after == before


def test_a_folder_that_cannot_be_a_source_is_refused(tmp_path):
    """A file in the way of a folder, or a link in its place."""
    root = tmp_path / "inbox"
    root.mkdir()
    source = Source(id="inbox", path=root)
    (root / "pending").write_text("x")
    with pytest.raises(BadSettings, match="Cannot write"):
        layout.prepare(source)

    (root / "pending").unlink()
    (root / "pending").symlink_to(tmp_path)
    with pytest.raises(BadSettings, match="is a link"):
        layout.prepare(source)


def test_two_sources_are_two(tmp_path):
    """Their documents may have the same names."""
    assert Folder(tmp_path / "a").layout.mark().uuid != Folder(tmp_path / "b").layout.mark().uuid


# --- the records


def test_a_document_is_found_by_what_people_type(tmp_path):
    """The second alone is enough, where it is that of one document."""
    folder = Folder(tmp_path / "inbox")
    kept = Records(folder.layout)
    for stem in (DOOR, f"{DOOR}-again", ROOF):
        kept.create(Record(stem=stem, generation=1, key=stem))

    for name in (ROOF, f"{ROOF}.md", "20261122-130000"):
        found = records.find(folder.source, name)
        assert found is not None
        assert found.stem == ROOF
    exact = records.find(folder.source, DOOR)
    assert exact is not None
    assert exact.stem == DOOR
    assert records.find(folder.source, "20261122-140000") is None
    with pytest.raises(NothingToDo, match="may be any of"):
        records.find(folder.source, "20261122-120000")


def test_of_many_documents_only_those_that_are_meant_are_read(tmp_path, monkeypatch):
    """A source may have a hundred thousand that ended."""
    folder = Folder(tmp_path / "inbox")
    for number in range(50):
        stem = f"task-20261122-1200{number:02}-one"
        folder.layout.record("ended", stem).write_text(
            json.dumps({"stem": stem, "generation": 1, "key": "k", "status": "rejected"})
        )
    read, seen = storing.read, []

    def read_and_tell(path, **told):
        seen.append(path.stem)
        return read(path, **told)

    monkeypatch.setattr(storing, "read", read_and_tell)

    found = records.find(folder.source, "20261122-120007")

    assert found is not None
    assert seen == [found.stem] == ["task-20261122-120007-one"]


def test_nothing_is_found_in_a_source_that_is_away(tmp_path):
    """That is said, and not that there is no such document."""
    folder = Folder(tmp_path / "inbox")
    folder.source.path.rename(tmp_path / "elsewhere")

    with pytest.raises(BadSettings, match="not to be seen"):
        records.find(folder.source, DOOR)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"stem": "x"}', "null", "x" * 2_000_000, "[" * 100_000, '{"a": NaN}'],
)
async def test_a_damaged_record_is_found_again_at_athena(waiting, content):
    """The task carries the name of its document."""
    path = waiting.layout.record("open", DOOR)
    path.write_text(content)
    waiting.begin_anew()

    await waiting.look()

    record = waiting.open_record()
    assert record.task_id == (await waiting.task()).id
    await waiting.complete()
    await waiting.look()
    assert waiting.place() == "completed"


@pytest.mark.parametrize(
    "change",
    [
        {"task_id": "x"},
        {"task_id": None},
        {"generation": "1"},
        {"file": [1]},
        {"file": ["a", "b", "c"]},
        {"notes": 1},
        {"notes": [1]},
        {"key": None},
        {"stem": ROOF},
        {"body": []},
        {"returns": 1},
        {"unknown": "kept by a later version"},
    ],
)
async def test_a_record_with_odd_values_is_not_believed(waiting, change):
    """Each is looked at when it is read, and none stops the watcher."""
    path = waiting.layout.record("open", DOOR)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    waiting.begin_anew()

    await waiting.look()

    assert waiting.open_record().task_id == (await waiting.task()).id


async def test_a_record_that_is_lost_is_made_anew(waiting):
    """Also where the task runs already."""
    task = await waiting.claimed()
    waiting.layout.record("open", DOOR).unlink()
    waiting.begin_anew()

    await waiting.look()

    assert waiting.open_record().task_id == task.id
    assert waiting.lock().worker == "worker"


async def test_a_retry_is_heard_of_without_records(waiting):
    """The document is found where it ended."""
    await waiting.fail()
    await waiting.look()
    waiting.layout.record("ended", DOOR).unlink()
    await waiting.athena.retry((await waiting.task()).id)
    waiting.begin_anew()

    await waiting.look()

    assert waiting.place() == "pending"
    assert len(await waiting.tasks()) == 1


async def test_all_records_may_be_lost(waiting):
    """Those that wait are found again, each once."""
    waiting.drop(ROOF)
    await waiting.look()
    for path in waiting.layout.own.rglob("*.json"):
        if path.name != "source.json":
            path.unlink()
    waiting.begin_anew()

    await waiting.look()

    assert len(await waiting.tasks()) == 2
    assert sorted(Records(waiting.layout).all_open()) == [DOOR, ROOF]


@pytest.mark.parametrize("content", [None, "{"])
async def test_records_lost_under_a_watcher_make_no_task_twice(waiting, monkeypatch, content):
    """Athena keeps the names of submissions for a day: its task may be older."""
    path = waiting.layout.record("open", DOOR)
    path.unlink() if content is None else path.write_text(content)
    monkeypatch.setattr(waiting.athena, "submit", lambda **_: pytest.fail("it was submitted"))

    await waiting.look_here()

    assert waiting.open_record().task_id == (await waiting.task()).id


@pytest.mark.parametrize("body", [None, {}, {"text": "x"}, {"description": "x"}])
async def test_a_record_of_a_submission_without_its_request_is_made_anew(waiting, body):
    """Damaged by half: its name is the same, so Athena gives the task that she has."""
    record = waiting.open_record()
    waiting.desk.records.save(replace(record, status="submitting", task_id=None, body=body))
    waiting.begin_anew()

    for _ in range(3):
        await waiting.look_here()

    assert waiting.open_record().task_id == (await waiting.task()).id


async def test_tasks_that_only_claim_to_be_of_a_source_are_left_alone(waiting):
    """Anybody may submit under any name."""
    for folder in ("x", waiting.layout.mark().uuid):
        told = {"folder": folder, "document": "../../outside", "submission": "x"}
        body = {"description": "odd", "created_by": f"source/{waiting.source.id}"}
        waiting.server.ask("POST", "/api/tasks", {**body, "metadata": told})

    await waiting.look()

    assert waiting.names(".athena/open") == [f"{DOOR}.json"]


# --- Athena


async def test_while_athena_is_away_documents_wait(watch_folder, start_server):
    """Nothing is moved; all is made up for once she is back, also what people did meanwhile."""
    server: RunningServer = start_server()
    inbox = watch_folder(server=server)
    inbox.drop()
    await inbox.look()
    server.stop()
    inbox.drop(ROOF, text("Mend the roof"))
    inbox.path("pending").unlink()

    with pytest.raises(Unreachable):
        await inbox.look()
    with pytest.raises(Unreachable):
        await inbox.look_here()
    assert inbox.place(ROOF) == "pending"

    server.start()
    await inbox.look()
    door, roof = await inbox.tasks()
    assert (door.status, roof.status) == ("cancelled", "pending")


async def test_a_store_that_is_lost_is_made_up_for(watch_folder, start_server):
    """What stands in pending/ is submitted anew, in the order of names; what has ended is not."""
    first: RunningServer = start_server()
    inbox = watch_folder(server=first)
    inbox.drop("task-20261122-110000")
    await inbox.look()
    await inbox.complete()
    await inbox.look()
    for stem in (DOOR, ROOF):
        inbox.drop(stem)
    await inbox.look()
    first.stop()
    second: RunningServer = start_server()
    second.ask("POST", "/api/tasks", {"description": "somebody else's, with a number of ours"})
    second.ask("POST", "/api/tasks", {"description": "another one"})
    inbox.server = second

    inbox.begin_anew("watcher")
    await inbox.look()

    names = [task.metadata["document"] for task in await inbox.tasks()]
    assert names == [DOOR, ROOF]
    assert inbox.place("task-20261122-110000") == "completed"
    await inbox.complete()
    await inbox.look()
    assert inbox.place() == "completed"
    assert inbox.result()["generation"] == 2


async def test_a_document_whose_task_was_lost_while_it_was_taken_away_is_forgotten(
    watch_folder, start_server
):
    """There is nothing to submit anew."""
    first: RunningServer = start_server()
    inbox = watch_folder(server=first)
    inbox.drop()
    await inbox.look()
    inbox.path("pending").unlink()
    first.stop()
    inbox.server = start_server()

    inbox.begin_anew("watcher")
    await inbox.look()

    assert await inbox.tasks() == []
    assert inbox.names(".athena/open") == []


# --- the disk


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """Where the disk is full, the old file stands, and nothing is left beside it."""
    here = Folder(tmp_path / "inbox").layout
    path = here.result(DOOR)
    storing.write(here, path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        storing.write(here, path, "new")

    assert path.read_text() == "old"
    assert list(here.aside.iterdir()) == []


def test_a_file_is_created_once(tmp_path):
    """Of two who create it, the first one's stands."""
    here = Folder(tmp_path / "inbox").layout

    assert storing.create(here, here.record("open", DOOR), "first")
    assert not storing.create(here, here.record("open", DOOR), "second")

    assert here.record("open", DOOR).read_text() == "first"


def test_without_hard_links_a_file_is_created_as_well(tmp_path, monkeypatch):
    """Some shares have none."""
    here = Folder(tmp_path / "inbox").layout

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)

    assert storing.create(here, here.record("open", DOOR), "first")
    assert not storing.create(here, here.record("open", DOOR), "second")
    fresh = Layout(tmp_path / "other")
    fresh.root.mkdir()
    assert layout.prepare(replace(Folder(tmp_path / "third").source, path=fresh.root)).uuid


def test_text_that_is_no_text_is_written_as_its_numbers(tmp_path):
    """A half of a character must not keep a result from being told."""
    here = Folder(tmp_path / "inbox").layout

    storing.write(here, here.result(DOOR), '{"a": "\ud800"}')

    assert json.loads(here.result(DOOR).read_text()) == {"a": "\ud800"}


async def test_while_another_watcher_writes_it_is_tried_again(waiting):
    """It is not waited for: a machine that is gone may hold the lock for long."""
    await waiting.complete()

    with storing.one_at_a_time(waiting.layout), pytest.raises(storing.Busy):
        await waiting.look()
    await waiting.look()

    assert waiting.place() == "completed"


async def test_a_lock_that_was_left_behind_stops_nothing(watch_folder):
    """A machine that died may keep a share's lock for ever."""
    inbox = watch_folder(timing=replace(AT_ONCE, busy=0.0))
    inbox.drop()
    await inbox.look()
    await inbox.complete()

    with storing.one_at_a_time(inbox.layout):
        await inbox.look()

    assert inbox.place() == "completed"


def test_a_document_that_is_like_the_one_there_takes_its_place(tmp_path):
    """Nothing is lost by that."""
    folder = Folder(tmp_path / "inbox")
    folder.path("completed").write_text(text())
    folder.drop()

    assert storing.move(folder.path("pending"), folder.path("completed"))

    assert folder.names("completed") == [f"{DOOR}.md"]


def test_what_is_kept_under_a_number_has_a_name_that_may_be(tmp_path):
    """A name may be as long as names can be, and stand there twice."""
    path, goal = (tmp_path / folder / f"{'é' * 125}x.md" for folder in ("one", "other"))
    for each in (path, goal):
        each.parent.mkdir()
        each.write_text(str(each))

    storing.move(path, goal)

    assert goal.read_text() == str(path)
    assert len(list(goal.parent.iterdir())) == 2


def test_large_files_are_not_read_to_be_compared(tmp_path, monkeypatch):
    """Whoever drops a film twice does not get it into the watcher's memory."""
    path, goal = tmp_path / "one.md", tmp_path / "other.md"
    for each in (path, goal):
        with each.open("wb") as file:
            file.truncate(1024**3)
    monkeypatch.setattr(type(path), "read_bytes", lambda _: pytest.fail("it was read"))

    storing.move(path, goal)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["other.1.md", "other.md"]


async def test_a_review_writes_nothing_where_there_is_nothing_to_do(waiting, monkeypatch):
    """Once a minute and source, on what may be a memory card or a read-only mount."""
    monkeypatch.setattr(storing, "_write_aside", lambda *_: pytest.fail("it was written"))

    await waiting.look()


def test_a_lock_that_another_account_has_made_is_held_as_well(tmp_path, monkeypatch):
    """The folders of a shared mount are open to a group, its files may not be."""
    folder = Folder(tmp_path / "inbox")
    (folder.layout.own / "lock").touch()
    system = os.open

    def refuse_writing(path, flags, *mode):
        if flags & os.O_RDWR:
            raise PermissionError
        return system(path, flags, *mode)

    monkeypatch.setattr(os, "open", refuse_writing)
    with (
        storing.one_at_a_time(folder.layout),
        pytest.raises(storing.Busy),
        storing.one_at_a_time(folder.layout),
    ):
        pytest.fail("two have it")
