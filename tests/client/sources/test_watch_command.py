"""`sources watch`: in the foreground, for all or some, until it is ended."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from claude_task_client.sources.layout import Layout
from tests.client import strangers
from tests.client.conftest import Terminal
from tests.client.sources.folders import DOOR, ROOF, text
from tests.running import RunningServer

DONE, REFUSED, WRONG_USAGE, UNREACHABLE, NOTHING_TO_DO = 0, 1, 2, 3, 4
PATIENCE_SECONDS = 60.0

T = TypeVar("T")


def eventually(look: Callable[[], T | None]) -> T:
    """What is seen, once it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return seen


@dataclass
class Desk:
    """A terminal with two sources of its own."""

    laptop: Terminal
    server: RunningServer
    folder: Path
    watchers: list[subprocess.Popen[str]] = field(default_factory=list)

    def layout(self, source: str = "ad-hoc") -> Layout:
        return Layout(self.folder / source)

    def drop(self, stem: str, source: str = "ad-hoc") -> None:
        """A document appears, whole."""
        staged = self.layout(source).document("staging", stem)
        staged.write_text(text())
        staged.rename(self.layout(source).document("pending", stem))

    def task(self, stem: str) -> Any:
        """The open task of a document."""
        tasks = self.server.ask("GET", "/api/tasks?status=pending,in_progress").body["tasks"]
        return next((task for task in tasks if task["metadata"].get("document") == stem), None)

    def listed(self, source: str = "ad-hoc") -> Any:
        """What `sources list` says of it."""
        sources = self.laptop.json("sources", "list")["sources"]
        return next(each for each in sources if each["id"] == source)

    def watch(self, *words: str) -> subprocess.Popen[str]:
        """Watch in a process that is ended with the test."""
        self.watchers.append(self.laptop.start("sources", "watch", *words))
        return self.watchers[-1]


@pytest.fixture
def desk(laptop: Terminal, athena: RunningServer, tmp_path: Path) -> Iterator[Desk]:
    laptop.json("sources", "init", str(tmp_path / "work"))
    desk = Desk(laptop, athena, tmp_path / "work")
    yield desk
    for process in desk.watchers:
        process.kill()
        process.communicate()


def test_once_takes_in_what_is_there(desk):
    """Submitted, told, and over: as a timer would have it."""
    desk.drop(DOOR)
    desk.drop(ROOF, "planned")

    told = desk.laptop.run("sources", "watch", "--once")

    assert (told.returncode, told.stderr) == (DONE, "")
    door, roof = desk.task(DOOR), desk.task(ROOF)
    assert f"ad-hoc: {DOOR} is task #{door['id']}." in told.stdout
    assert (door["lane"], roof["lane"]) == ("ad-hoc", "planned")
    assert desk.listed()["watchers"] == []


def test_once_writes_what_has_come_of_tasks(desk):
    """A second time, nothing is submitted again."""
    desk.drop(DOOR)
    desk.laptop.run("sources", "watch", "--once")
    task = desk.task(DOOR)
    desk.laptop.run("claim", str(task["id"]))
    desk.laptop.run("complete", str(task["id"]), "-n", "Oiled")

    again = desk.laptop.run("sources", "watch", "--once", "--json")

    assert [json.loads(line)["message"] for line in again.stdout.splitlines()] == [
        f"ad-hoc: {DOOR} (task #{task['id']}): completed"
    ]
    assert json.loads(desk.layout().result(DOOR).read_text())["output"] == "Oiled"
    assert desk.layout().document("completed", DOOR).exists()


def test_one_source_may_be_named(desk):
    desk.drop(DOOR)
    desk.drop(ROOF, "planned")

    desk.laptop.run("sources", "watch", "planned", "--once", "--poll")

    assert desk.task(DOOR) is None
    assert desk.task(ROOF) is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watching_goes_on_until_it_is_ended(desk, number):
    """Whoever asks is told who watches; an end in order leaves nothing behind."""
    process = desk.watch()
    [watcher] = eventually(lambda: desk.listed()["watchers"])
    desk.drop(DOOR)
    eventually(lambda: desk.task(DOOR))
    process.send_signal(number)

    printed, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert (process.returncode, errors) == (DONE, "")
    assert (watcher["pid"], watcher["kind"]) == (process.pid, "sources watch")
    assert "Watching ad-hoc, planned." in printed
    assert f"ad-hoc: {DOOR} is task #" in printed
    assert list((desk.layout().own / "watchers").iterdir()) == []


def test_one_that_was_killed_watches_no_longer(desk):
    """What it has left behind is seen for what it is, and cleared by the next."""
    process = desk.watch()
    eventually(lambda: desk.listed()["watchers"])

    process.kill()
    process.wait()

    assert desk.listed()["watchers"] == []
    assert any("Nobody watches it." in each["detail"] for each in desk.listed()["problems"])
    desk.laptop.run("sources", "watch", "--once")
    assert list((desk.layout().own / "watchers").iterdir()) == []


def test_a_source_that_is_added_meanwhile_is_watched(desk, tmp_path):
    """Nobody has to start anything anew."""
    desk.watch()
    eventually(lambda: desk.listed()["watchers"])
    (tmp_path / "late").mkdir()
    desk.laptop.json("sources", "add", str(tmp_path / "late"))

    eventually(lambda: desk.listed("late")["watchers"])

    staged = Layout(tmp_path / "late").document("pending", DOOR)
    staged.write_text(text())
    assert eventually(lambda: desk.task(DOOR))["lane"] == "late"


def test_without_a_source_one_is_told_how_to_make_some(laptop):
    told = laptop.run("sources", "watch")

    assert told.returncode == NOTHING_TO_DO
    assert "claude-task-client sources init PATH" in told.stderr


def test_an_unknown_source_is_told_with_those_that_there_are(desk):
    told = desk.laptop.run("sources", "watch", "adhoc")

    assert told.returncode == NOTHING_TO_DO
    assert "There is no source 'adhoc': there are ad-hoc, planned." in told.stderr


def test_where_no_source_is_there_nothing_is_watched(desk):
    """One that is away is told; the others are watched all the same."""
    desk.folder.rename(desk.folder.with_name("gone"))

    told = desk.laptop.run("sources", "watch")

    assert told.returncode == WRONG_USAGE
    assert f"ad-hoc: There is no directory {desk.folder}/ad-hoc." in told.stderr
    assert "None of the sources is there." in told.stderr


def test_one_that_is_away_does_not_keep_the_others_from_being_watched(desk):
    (desk.folder / "ad-hoc").rename(desk.folder / "gone")
    process = desk.watch()
    desk.drop(ROOF, "planned")

    assert eventually(lambda: desk.task(ROOF))["lane"] == "planned"
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "There is no directory" in errors
    assert "ad-hoc: " in printed
    assert not (desk.folder / "ad-hoc").exists()


def test_once_says_that_athena_is_away(desk):
    desk.laptop.variables["ATHENA_API_URL"] = strangers.closed_port()

    told = desk.laptop.run("sources", "watch", "--once")

    assert told.returncode == UNREACHABLE
    assert "claude-task-client doctor" in told.stderr


def test_a_key_that_is_refused_is_told_at_once(desk):
    """It would be refused for ever."""
    desk.laptop.variables["ATHENA_API_KEY"] = "ath_of_somebody_else"

    told = desk.laptop.run("sources", "watch")

    assert told.returncode == REFUSED
    assert "claude-task-client login" in told.stderr
