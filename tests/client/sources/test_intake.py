"""Documents become tasks, each once; what cannot become one is moved aside with the reason."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.sources import records, submitting
from claude_task_client.sources.desk import Timing
from claude_task_client.sources.records import SUBMITTING
from tests.client.sources.folders import AT_ONCE, DOOR, NEVER, ROOF, Watched, text


async def test_a_document_becomes_a_task_of_its_source(watch_folder):
    """Lane, project and origin come from the source, the rest from the document."""
    inbox = watch_folder(project="house")
    inbox.drop(content=text(head="priority: high\ntarget: pi\nnot_before: 2030-01-01T00:00Z"))

    await inbox.look()

    task = await inbox.task()
    assert task.description == "Fix the door\n\nIt squeaks.\n\n## Expected Outcome\n\nSilence."
    assert (task.lane, task.created_by) == (inbox.source.id, f"source/{inbox.source.id}")
    assert (task.project, task.priority, task.target) == ("house", "high", "pi")
    assert task["not_before"] == "2030-01-01T00:00:00.000Z"
    assert task.metadata["document"] == DOOR
    assert task.metadata["title"] == "Fix the door"
    assert inbox.place() == "pending"


async def test_documents_are_submitted_in_the_order_of_their_names(inbox):
    """Names begin with a time, and the lane keeps the order of submission."""
    for stem in (ROOF, DOOR, "task-20261122-110000"):
        inbox.drop(stem)

    await inbox.look()

    names = [task.metadata["document"] for task in await inbox.tasks()]
    assert names == ["task-20261122-110000", DOOR, ROOF]


async def test_two_documents_of_one_second_are_two(inbox):
    """The whole name counts."""
    inbox.drop("task-20261122-120000-a")
    inbox.drop("task-20261122-120000-b")

    await inbox.look()

    assert len(await inbox.tasks()) == 2


async def test_looking_often_submits_once(inbox):
    """Events come double, and say nothing but: look."""
    inbox.drop()

    for _ in range(5):
        await inbox.look()

    assert len(await inbox.tasks()) == 1


async def test_other_files_are_nobodys_business(inbox):
    """Programs put down temporary files, and people keep notes."""
    for folder, name in (("pending", ".hidden.md"), ("pending", "a.txt"), ("planning", "idea.md")):
        (inbox.source.path / folder / name).write_text("x")

    await inbox.look()

    assert await inbox.tasks() == []
    assert inbox.names("pending") == [".hidden.md", "a.txt"]
    assert inbox.names("planning") == ["idea.md"]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf# Task: a\r\n\r\n## Task\r\n\r\nx\r\n"])
async def test_documents_of_other_systems_are_read(inbox, content):
    """A mark at the beginning and other line ends are no part of the text."""
    inbox.drop(content=content)

    await inbox.look()

    assert (await inbox.task()).description == "a\n\nx"


async def test_names_may_have_spaces_and_any_letters(inbox):
    """People name documents in their own language; the other spelling of a letter is the same."""
    inbox.drop("task-20261122-120000-Tu\u0308re zum Garten")

    await inbox.look()
    await inbox.complete()
    await inbox.look()

    assert inbox.names("completed") == ["task-20261122-120000-Türe zum Garten.md"]
    assert inbox.result("task-20261122-120000-Türe zum Garten")["success"] is True


async def test_a_name_may_not_stand_there_in_two_spellings(inbox):
    """They would be one document with two texts; the usual spelling is the one that counts."""
    inbox.drop("task-20261122-120000-T\u00fcr")
    await inbox.look()
    inbox.drop("task-20261122-120000-Tu\u0308r", text("Another"))

    await inbox.look()
    await inbox.look()

    assert (await inbox.task()).description.startswith("Fix the door")
    assert inbox.names("pending") == ["task-20261122-120000-T\u00fcr.md"]
    assert inbox.names("failed") == ["task-20261122-120000-Tu\u0308r.md"]
    assert inbox.names(".athena/open") == ["task-20261122-120000-T\u00fcr.json"]


# --- wrong ones


@pytest.mark.parametrize(
    "name", ["notes.md", "task-1.md", "task-20261322-120000.md", "a b.md", "ü" * 120 + ".md"]
)
async def test_a_wrong_name_is_moved_aside_with_the_reason(inbox, name):
    """Never dropped: the document is in failed/, and why stands in result and report."""
    (inbox.layout.pending / name).write_text(text())

    await inbox.look()

    [result] = inbox.names("results")
    told = inbox.result(result.removesuffix(".json"))
    assert (inbox.names("pending"), inbox.names("failed")) == ([], [name])
    assert (told["status"], told["success"], told["task_id"]) == ("rejected", False, None)
    assert "name" in told["error"]
    assert told["error"] in inbox.report(result.removesuffix(".json")).replace("\n", " ")
    assert await inbox.tasks() == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "# Task:"),
        (text(task="x" * 30_000).encode(), "20000"),
        (b"# Task: a\n\n## Task\n\n\xff", "line 5: this is not UTF-8"),
        (b"# Task: a\n\n## Task\n\n\0", "line 5: there is a NUL"),
        (b"# Task: a\n\n## Task\n\n" + b"x" * 300_000, "larger than 256 KiB"),
        (text(head="colour: red").encode(), "line 2: 'colour'"),
        (text(head="after: 999999999").encode(), "depends_on"),
        (text(head=f"after: {DOOR}").encode(), "names itself"),
        (text(head="after: 20200101-000000").encode(), "there is no document"),
    ],
)
async def test_wrong_contents_are_moved_aside_with_the_reason(inbox, content, why):
    """What Athena would not take, and what nobody can understand."""
    inbox.drop(content=content)

    await inbox.look()

    assert inbox.place() == "failed"
    assert inbox.path("failed").read_bytes() == content
    assert why in inbox.result()["error"]
    assert inbox.open_record() is None
    assert await inbox.tasks() == []


def a_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_directory(path: Path) -> None:
    path.mkdir()
    (path / "inside.md").write_text("kept")


@pytest.mark.parametrize("make", [a_link, a_pipe, a_directory])
async def test_what_is_no_file_is_never_opened(inbox, make):
    """A link may lead anywhere, a pipe would have the watcher wait for ever."""
    make(inbox.path("pending"))

    await inbox.look()

    assert "no plain file" in inbox.result()["error"]
    assert inbox.names("pending") == []
    assert inbox.names("failed") == [f"{DOOR}.md"]
    assert "root:" not in inbox.report()


async def test_a_wrong_document_holds_up_nobody(inbox):
    """The others are done."""
    inbox.drop("task-20261122-110000", "nothing")
    inbox.drop()

    await inbox.look()

    assert [task.metadata["document"] for task in await inbox.tasks()] == [DOOR]


async def test_a_document_that_was_mended_is_taken(inbox):
    """Moved back into pending/, it is a new one; why it was rejected is kept under a number."""
    inbox.drop(content="nothing")
    await inbox.look()

    inbox.path("failed").unlink()
    inbox.drop()
    await inbox.look()

    assert len(await inbox.tasks()) == 1
    assert inbox.names("results") == [f"{DOOR}.1.json"]


async def test_nothing_in_failed_is_written_over(inbox):
    """Two documents of one name, both wrong: both are kept."""
    inbox.drop(content="one")
    await inbox.look()
    inbox.drop(content="two")
    await inbox.look()

    assert inbox.names("failed") == [f"{DOOR}.1.md", f"{DOOR}.md"]


# --- half written ones


async def test_a_document_that_is_being_written_waits(watch_folder):
    """Size and time must have been still for a moment; those after it wait as well."""
    inbox = watch_folder(timing=replace(AT_ONCE, still=NEVER))
    inbox.path("pending").write_text(text()[:20])
    inbox.path("pending", ROOF).write_text(text())

    soon = await inbox.look_here()

    assert await inbox.tasks() == []
    assert inbox.place() == "pending"
    assert soon is not None


async def test_a_document_that_was_renamed_into_place_does_not_wait(watch_folder):
    """Then it is complete."""
    inbox = watch_folder(timing=replace(AT_ONCE, still=NEVER))
    path = inbox.drop()
    os.utime(path, ns=(1, 1))  # as old as a file that lay in staging/ for a while

    await inbox.look_here()

    assert len(await inbox.tasks()) == 1


async def test_somebody_may_still_be_at_a_wrong_document(watch_folder):
    """Complete or not, what is wrong is given more time."""
    inbox = watch_folder(timing=replace(AT_ONCE, wrong=NEVER))
    inbox.drop(content="# Task: a")

    await inbox.look_here()
    assert inbox.place() == "pending"

    inbox.drop(content=text())
    await inbox.look_here()
    assert len(await inbox.tasks()) == 1


async def test_a_name_that_comes_during_a_listing_holds_up_those_behind_it(inbox, monkeypatch):
    """A listing may miss it, and have one that came still later."""
    inbox.drop(ROOF)
    names = os.listdir

    def list_and_drop(path: Path) -> list[str]:
        found = names(path)
        if f"{DOOR}.md" not in found:
            inbox.drop(DOOR)
        return found

    monkeypatch.setattr("os.listdir", list_and_drop)
    await inbox.look_here()
    assert await inbox.tasks() == []

    await inbox.look_here()
    names_of_tasks = [task.metadata["document"] for task in await inbox.tasks()]
    assert names_of_tasks == [DOOR, ROOF]


async def test_a_document_that_nobody_can_read_stays(inbox, monkeypatch):
    """Its rights may be put right; it is said once."""
    inbox.drop()
    opened = os.open

    def refuse(path: Path, *rest: int) -> int:
        if str(path).endswith(f"pending/{DOOR}.md"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *rest)

    monkeypatch.setattr("os.open", refuse)
    await inbox.look()
    await inbox.look()
    assert inbox.place() == "pending"
    assert len([line for line in inbox.said if "cannot be read" in line]) == 1

    monkeypatch.undo()
    await inbox.look()
    assert len(await inbox.tasks()) == 1


async def test_a_document_that_another_has_brought_to_its_end_is_no_new_one(inbox, monkeypatch):
    """It was read, and is moved before it is noted: nothing is submitted."""
    path = inbox.drop()
    link = os.link

    def move_and_link(source: Path, goal: Path) -> None:
        link(source, goal)
        if goal.parent.name == "open":
            path.rename(inbox.path("completed"))

    monkeypatch.setattr("os.link", move_and_link)
    await inbox.look()

    assert await inbox.tasks() == []
    assert inbox.open_record() is None


# --- what waits for others


async def test_a_document_may_wait_for_others(watch_folder):
    """By the id of a document of any source, or the number of a task."""
    garden, inbox = watch_folder("garden"), watch_folder("inbox")
    inbox.others = (garden.source,)
    inbox.begin_anew()
    garden.drop(ROOF)
    await garden.look()
    roof = await garden.task()

    inbox.drop(content=text(head=f"after: [20261122-130000, {roof.id}]"))
    await inbox.look()

    assert (await inbox.task()).depends_on == (roof.id,)


async def test_a_document_waits_a_while_for_one_that_is_not_there_yet(watch_folder):
    """Those of several sources come in any order; the others of its own do not wait."""
    inbox = watch_folder(timing=replace(AT_ONCE, after=NEVER))
    inbox.drop(content=text(head=f"after: {ROOF}"))
    await inbox.look_here()
    assert inbox.place() == "pending"

    inbox.drop(ROOF)
    await inbox.look_here()
    await inbox.look_here()

    roof, door = await inbox.tasks()
    assert (await inbox.athena.get(door.id)).depends_on == (roof.id,)


# --- intents


@pytest.fixture
async def intent(inbox: Watched) -> Watched:
    """A watcher was killed after it had submitted, and before it heard the answer."""
    inbox.drop()
    await inbox.look()
    task = await inbox.task()
    record = inbox.open_record()
    assert record is not None
    body = inbox.desk.known.body(records_document(), replace(record, task_id=None), depends_on=[])
    inbox.desk.records.save(replace(record, task_id=None, status=SUBMITTING, body=body))
    inbox.begin_anew()
    assert task.id
    return inbox


def records_document():
    from claude_task_client.sources.documents import parse

    return parse(text())


async def test_a_submission_without_an_answer_is_repeated_under_its_name(intent):
    """Athena gives the answer that she gave."""
    await intent.look_here()

    record = intent.open_record()
    assert record is not None
    assert record.task_id == (await intent.task()).id
    assert record.body is None


@pytest.mark.parametrize("when", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "", "x"])
async def test_an_old_submission_is_looked_for_first(intent, when):
    """Athena forgets names after a day, and clocks of hosts differ."""
    record = intent.open_record()
    intent.desk.records.save(replace(record, key=record.key, submitted_at=when))
    await intent.complete()

    await intent.look_here()

    assert intent.open_record().task_id == (await intent.task()).id


async def test_a_submission_of_another_is_left_to_it(intent, watch_folder):
    """Its key at Athena is another one, so a repetition would be a second task."""
    intent.timing = replace(AT_ONCE, takeover=NEVER)
    intent.begin_anew("another")
    intent.drop(ROOF)

    await intent.look_here()

    assert intent.open_record().status == SUBMITTING
    assert len(await intent.tasks()) == 1  # the order is kept: those behind it wait


async def test_a_submission_under_another_key_is_another_ones(intent, athena):
    """The instance is the same, but Athena keeps names by key."""
    made = athena.ask("POST", "/api/keys", {"name": "x", "scopes": ["read", "submit"]}).body
    intent.timing = replace(AT_ONCE, takeover=NEVER)
    intent.athena = AsyncAthena(athena.url, made["secret"], instance="watcher")
    intent.made.append(intent.athena)
    intent.begin_anew()

    await intent.look_here()

    assert intent.open_record().status == SUBMITTING
    assert made["secret"] not in intent.layout.record("open", DOOR).read_text()
    assert len(await intent.tasks()) == 1


async def test_a_submission_of_one_that_is_gone_is_taken_over(intent):
    """After a while it is looked for, and only then made again."""
    intent.begin_anew("another")

    await intent.look_here()

    assert intent.open_record().task_id == (await intent.task()).id


async def test_two_who_take_over_do_not_both_submit(intent, monkeypatch):
    """Whoever has looked for the task sees whether another has taken it over meanwhile."""
    intent.begin_anew("second")
    search, record = submitting.search, intent.open_record()
    await intent.athena.delete((await intent.task()).id)

    async def search_slowly(*arguments):
        found = await search(*arguments)
        intent.desk.records.save(replace(record, by="third"))
        return found

    monkeypatch.setattr(submitting, "search", search_slowly)
    await intent.look_here()

    assert await intent.tasks() == []
    assert intent.open_record().by == "third"


async def test_a_submission_that_never_got_through_is_made_by_another(inbox):
    """Its maker is gone, and Athena knows nothing of it."""
    inbox.drop()
    await inbox.desk.scan()
    mark = inbox.desk.known.mark
    record = records.Record(
        stem=DOOR, generation=1, key=records.key_of(mark.uuid, DOOR, 1), by="gone", title="x"
    )
    body = inbox.desk.known.body(records_document(), record, [])
    inbox.desk.records.create(replace(record, body=body))

    await inbox.look()

    assert (await inbox.task()).metadata["document"] == DOOR


async def test_a_name_that_stands_for_another_text_is_not_used_again(inbox):
    """Every record is lost, and the document was rewritten: its first task is found, and told."""
    inbox.drop()
    await inbox.look()
    inbox.desk.records.drop(DOOR)
    inbox.begin_anew()
    inbox.drop(content=text(task="It creaks."))

    await inbox.look_here()
    await inbox.look()

    assert "It creaks." in (await inbox.task()).description


async def test_a_name_that_is_used_up_is_replaced(inbox):
    """The task it stood for was deleted with all records: the document becomes another task."""
    inbox.drop()
    await inbox.look()
    await inbox.athena.delete((await inbox.task()).id)
    inbox.desk.records.drop(DOOR)
    inbox.begin_anew()
    inbox.drop(content=text(task="It creaks."))

    await inbox.look()

    assert "It creaks." in (await inbox.task()).description
    assert inbox.open_record().generation == 2


def test_spans_are_sane():
    """What waits for people is longer than what waits for disks."""
    timing = Timing()
    assert timing.still < timing.wrong < timing.gone < timing.after <= timing.takeover
