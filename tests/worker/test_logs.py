"""The logs of projects, and `work logs`."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click.testing
import pytest

from claude_task_client.cli import group
from claude_task_client.worker.log_reading import Follower, last_lines
from claude_task_client.worker.project_logs import (
    LOGS_KEPT,
    ProjectLogs,
    error_log_path,
    log_path,
    parts_of,
)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def logs(state: Path) -> ProjectLogs:
    return ProjectLogs(state / "logs", now=Clock(), bytes_max=1000)


def shown(state: Path, *words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(group, ["work", "--state", str(state), "logs", *words])


def test_what_went_wrong_stands_in_both_logs(logs, state):
    """The error log is what one looks at first; the other has what led to it."""
    logs.note("app", "claimed", task_id=12)
    logs.fault("app", "tests failed\nE  assert 1", task_id=12)

    everything = log_path(state / "logs", "app").read_text("utf-8").splitlines()
    errors = error_log_path(state / "logs", "app").read_text("utf-8").splitlines()

    assert [line.split(" ", 1)[1] for line in everything[:2]] == ["#12 claimed", "#12 tests failed"]
    assert errors == everything[1:]
    assert errors[1] == "    E  assert 1"


def test_a_log_is_for_its_owner_and_free_of_controls(logs, state):
    """It holds what tasks print."""
    logs.note("app", "\x1b]0;title\x07" + "x" * 10_000)

    path = log_path(state / "logs", "app")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "\x1b" not in path.read_text("utf-8")
    assert path.stat().st_size < 5000


def test_logs_stay_small(logs, state):
    """The oldest part goes; what is left is whole, and in order."""
    for number in range(200):
        logs.note("app", f"line {number}")

    path = log_path(state / "logs", "app")
    parts = parts_of(path)
    numbers = [int(line.split()[-1]) for line in last_lines(path, 1000)]

    assert len(parts) == LOGS_KEPT + 1
    assert all(part.stat().st_size <= 1000 for part in parts)
    assert numbers == list(range(200 - len(numbers), 200))
    assert last_lines(path, 3)[-1].endswith("line 199")


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "logs").write_text("in the way", "utf-8")

    ProjectLogs(tmp_path / "logs", now=Clock()).fault("app", "text")


def test_following_goes_through_a_turn_over(logs, state):
    """Nothing that is added is missed."""
    path = log_path(state / "logs", "app")
    follower = Follower(path)
    seen: list[str] = []
    for number in range(60):
        logs.note("app", f"line {number}")
        if number % 7 == 0:
            seen += follower.new_lines()
    seen += follower.new_lines()
    follower.close()

    assert [int(line.split()[-1]) for line in seen] == list(range(60))


def test_the_last_lines_of_a_project_are_shown(logs, state):
    for number in range(5):
        logs.note("app", f"line {number}")
    logs.note("other", "elsewhere")

    done = shown(state, "app", "--lines", "2")

    assert [line.split(" ", 1)[1] for line in done.output.splitlines()] == ["line 3", "line 4"]


def test_all_projects_are_shown_in_the_order_of_time(logs, state):
    """Lines that belong to another stay with it."""
    logs.note("b", "one\ntwo")
    logs.fault("a", "three")
    logs.note("b", "four")

    done = shown(state)
    errors = shown(state, "--errors", "--json")

    words = [(line.split(":")[0], line.split()[-1]) for line in done.output.splitlines()]
    assert words == [("b", "one"), ("b", "two"), ("a", "three"), ("b", "four")]
    assert [json.loads(line)["project"] for line in errors.output.splitlines()] == ["a"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none"], "there are app"),
        (["--errors"], "Nothing went wrong"),
        (["app", "--errors"], "Nothing"),
    ],
)
def test_what_is_not_there_is_said(logs, state, words, said):
    logs.note("app", "fine")

    done = shown(state, *words)

    assert (done.exit_code, said in done.stderr) == (4, True)


def test_before_the_first_task_the_next_command_is_named(state):
    done = shown(state)

    assert (done.exit_code, "claude-task-client work" in done.stderr) == (4, True)


def test_following_shows_what_is_added(logs, state):
    """Until Ctrl-C, which is no error; a project may have no log yet."""
    words = ["-m", "claude_task_client.cli", "work", "--state", str(state)]
    running = subprocess.Popen(
        [sys.executable, *words, "logs", "app", "--follow", "--lines", "1"],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert running.stdout is not None
    try:
        logs.note("app", "first")
        assert running.stdout.readline().endswith("first\n")
        logs.note("app", "second")
        assert running.stdout.readline().endswith("second\n")
    finally:
        running.send_signal(2)
        assert running.wait(timeout=30) == 0
        running.stdout.close()
