"""`tasks show|logs|cancel` by a document's id, and `status --detailed`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.sources.layout import Layout
from claude_task_client.sources.records import OPENED, REJECTED, SUBMITTING, Record, Records
from tests.client.conftest import Terminal
from tests.running import RunningServer

DONE, REFUSED, WRONG_USAGE, NOTHING_TO_DO = 0, 1, 2, 4

DOOR = "task-20261122-120000-fix-the-door"
ROOF = "task-20261122-130000-mend-the-roof"


@dataclass
class Desk:
    """A terminal with two sources, whose documents are tasks of a real Athena."""

    laptop: Terminal
    server: RunningServer
    folder: Path

    def layout(self, source: str = "ad-hoc") -> Layout:
        return Layout(self.folder / source)

    def task(self, stem: str, source: str = "ad-hoc", **fields: Any) -> int:
        """Submit a document, as a watcher does."""
        body = {"description": f"{stem}\n\nAs it says", "lane": source, **fields}
        task_id = int(self.server.ask("POST", "/api/tasks", body).body["id"])
        self.record(stem, source, status=OPENED, task_id=task_id)
        self.layout(source).document("pending", stem).write_text("# Task: x\n\n## Task\n\nx\n")
        return task_id

    def record(self, stem: str, source: str = "ad-hoc", **fields: Any) -> None:
        Records(self.layout(source)).create(Record(stem=stem, generation=1, key=stem, **fields))


@pytest.fixture
def desk(laptop: Terminal, athena: RunningServer, tmp_path: Path) -> Desk:
    laptop.json("sources", "init", str(tmp_path / "work"))
    return Desk(laptop, athena, tmp_path / "work")


@pytest.mark.parametrize(
    "name",
    [DOOR, f"{DOOR}.md", DOOR.removeprefix("task-"), "task-20261122-120000", "20261122-120000"],
)
def test_a_task_is_found_by_its_document(desk, name):
    """People type what they see, or the part of it that they remember."""
    task_id = desk.task(DOOR)
    desk.task(ROOF)

    assert desk.laptop.json("tasks", "show", name)["id"] == task_id


def test_a_number_does_as_well(desk):
    """Whoever knows the number need not know the document."""
    task_id = desk.task(DOOR)

    assert desk.laptop.json("tasks", "show", str(task_id))["id"] == task_id
    assert desk.laptop.json("tasks", "show", f"#{task_id}")["id"] == task_id


def test_two_documents_of_one_second_are_told_apart_by_the_whole_id(desk):
    """An id that may be several is none: the candidates are named."""
    first, second = f"{DOOR}-1", f"{DOOR}-2"
    desk.task(first)
    task_id = desk.task(second)

    unsure = desk.laptop.run("tasks", "cancel", "20261122-120000")

    assert unsure.returncode in {WRONG_USAGE, NOTHING_TO_DO}
    assert first in unsure.stderr
    assert second in unsure.stderr
    assert desk.laptop.json("tasks", "show", second)["id"] == task_id


def test_one_id_in_two_sources_is_named_with_its_numbers(desk):
    here = desk.task(DOOR, "ad-hoc")
    there = desk.task(DOOR, "planned")

    unsure = desk.laptop.run("tasks", "cancel", DOOR)

    assert unsure.returncode == WRONG_USAGE
    assert f"#{here} {DOOR} in ad-hoc, #{there} {DOOR} in planned" in unsure.stderr
    assert "by its number" in unsure.stderr


def test_cancel_ends_the_task_of_a_document(desk):
    task_id = desk.task(DOOR)

    told = desk.laptop.run("tasks", "cancel", "20261122-120000")

    assert (told.returncode, told.stdout) == (DONE, f"Cancelled #{task_id}.\n")
    assert desk.server.ask("GET", f"/api/tasks/{task_id}").body["status"] == "cancelled"


def test_logs_are_those_of_athena(desk):
    """The transcript is where the task is, whatever machine works on it."""
    task_id = desk.task(DOOR)
    desk.laptop.run("claim", str(task_id))
    line = {"kind": "text", "text": "Looking at the hinges"}
    body = {
        "instance": desk.laptop.variables["CLAUDE_INSTANCE"],
        "attempt": 1,
        "first": 0,
        "lines": [line],
    }
    assert desk.server.ask("POST", f"/api/tasks/{task_id}/log", body).status == 200

    told = desk.laptop.run("tasks", "logs", DOOR, "--lines", "5")

    assert told.returncode == DONE
    assert "Looking at the hinges" in told.stdout
    assert len(desk.laptop.json("tasks", "logs", DOOR)["lines"]) == 1


def test_a_document_that_nobody_knows_is_told_with_the_next_command(desk):
    unknown = desk.laptop.run("tasks", "show", "20200101-000000")

    assert unknown.returncode == NOTHING_TO_DO
    assert "No document '20200101-000000' is known" in unknown.stderr
    assert "claude-task-client status --detailed" in unknown.stderr


def test_a_document_that_nobody_has_submitted_is_told_with_how_to(desk):
    """It is there, and nobody watches."""
    desk.layout().document("pending", DOOR).write_text("# Task: x")

    waiting = desk.laptop.run("tasks", "show", "20261122-120000")

    assert waiting.returncode == NOTHING_TO_DO
    assert f"{DOOR} lies in ad-hoc, and nobody has submitted it yet." in waiting.stderr
    assert "claude-task-client sources watch" in waiting.stderr


def test_a_document_on_its_way_is_no_task_yet(desk):
    desk.record(DOOR, status=SUBMITTING)

    waiting = desk.laptop.run("tasks", "show", DOOR)

    assert waiting.returncode == NOTHING_TO_DO
    assert "is about to be submitted" in waiting.stderr


def test_a_document_that_was_refused_is_told_with_its_report(desk):
    """Athena never heard of it; the reason lies beside it."""
    desk.record(DOOR, status=REJECTED)

    refused = desk.laptop.run("tasks", "show", DOOR)

    assert refused.returncode == NOTHING_TO_DO
    assert "was never a task: it was rejected" in refused.stderr
    assert str(desk.layout().report(DOOR)) in refused.stderr


def test_a_source_that_is_away_does_not_hide_the_others(desk):
    """What is there is found; what is not there is told where nothing is found."""
    task_id = desk.task(DOOR, "planned")
    (desk.folder / "ad-hoc").rename(desk.folder / "gone")

    assert desk.laptop.json("tasks", "show", DOOR)["id"] == task_id
    unknown = desk.laptop.run("tasks", "show", ROOF)
    assert f"{desk.folder}/ad-hoc is not to be seen" in unknown.stderr


def test_status_in_detail_tells_of_sources_lanes_and_instances(desk):
    """What runs, what waits behind it, and what ended last."""
    running, waiting = desk.task(DOOR), desk.task(ROOF)
    me = desk.laptop.variables["CLAUDE_INSTANCE"]
    desk.laptop.run("claim", str(running))
    told = {"task_id": running, "worker": me, "host": "elsewhere", "pid": 1}
    lock = {**told, "started_at": "2026-11-22T12:00:00.000Z"}
    desk.layout().lock(DOOR).write_text(json.dumps(lock))
    ended = {"task_id": 3, "document": "task-20261121-080000", "status": "completed"}
    desk.layout().result("task-20261121-080000").write_text(json.dumps(ended))

    text = desk.laptop.run("status", "--detailed").stdout
    answer = desk.laptop.json("status", "--detailed")

    assert f"  running     {DOOR} as #{running} by {me}, for " in text
    assert f"  waiting     {ROOF}\n" in text
    assert "  ended       0 completed, 0 failed\n" in text
    assert "  last ended  task-20261121-080000 as #3: completed\n" in text
    assert f"#{running} by {me}" in text
    source = answer["sources"][0]
    assert source["running_documents"][0]["document"] == DOOR
    assert source["waiting_documents"] == [ROOF]
    assert source["last_ended"] == {**ended, "document": "task-20261121-080000"}
    [lane] = answer["lanes"]
    assert lane == {"lane": "ad-hoc", "running": [running], "waiting": [waiting]}
    assert answer["stats"]["by_status"]["pending"] == 1
    assert me in [each["instance"] for each in answer["instances"]]


def test_status_in_detail_is_sensible_where_there_is_nothing(laptop):
    """No source, no lane: the figures, and who is there."""
    told = laptop.run("status", "--detailed")
    answer = laptop.json("status", "--detailed")

    assert told.returncode == DONE
    assert "Source" not in told.stdout
    assert "LANE" not in told.stdout
    assert (answer["sources"], answer["lanes"], answer["lanes_whole"]) == ([], [], True)


def test_status_alone_is_that_of_athena(laptop, athena):
    """--json without --detailed is the API's own answer."""
    assert laptop.json("status").keys() == athena.ask("GET", "/api/stats").body.keys()
