"""What `check` says at the start of a session."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from claude_task_client import Unreachable
from claude_task_client.commands.check import (
    LOOK_SECONDS_MIN,
    SECONDS_IN_ALL,
    Found,
    look,
    seconds_left,
    tell,
    within,
)
from tests.client import strangers


def test_it_is_silent_where_there_is_nothing(laptop):
    done = laptop.run("check")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_counts_and_names_the_next_task_in_one_line(laptop):
    laptop.run("add", "Later", "--priority", "low")
    task = laptop.json("add", "Deploy new\nmonitoring stack", "--priority", "high")

    done = laptop.run("check")

    assert done.returncode == 0
    assert done.stdout == f"2 task(s) pending - Next: #{task['id']} Deploy new monitoring stack\n"


def test_it_counts_only_what_this_instance_could_claim(laptop, desktop):
    """Not what is for others, blocked, scheduled or claimed; but what is for its labels."""
    mine = laptop.json("add", "Mine", "--target", laptop.variables["CLAUDE_INSTANCE"])
    laptop.run("add", "Not mine", "--target", desktop.variables["CLAUDE_INSTANCE"])
    laptop.run("add", "Blocked", "--after", str(mine["id"]))
    laptop.run("add", "Scheduled", "--not-before", "2h")
    laptop.run("add", "For a label", "--target", "gpu")

    without_label = laptop.run("check").stdout
    laptop.run("heartbeat", "--label", "gpu")
    with_label = laptop.run("check").stdout

    assert without_label.startswith("1 task(s) pending - Next: #")
    assert with_label.startswith("2 task(s) pending - Next: #")


def test_it_does_not_count_what_is_paused(laptop):
    laptop.run("add", "Given out", "--project", "a", "--priority", "high")
    laptop.run("add", "Given out too", "--project", "b")
    laptop.run("add", "Paused", "--project", "c")
    laptop.run("pause", "--project", "c")

    one_paused = laptop.run("check").stdout
    laptop.run("pause")
    all_paused = laptop.run("check").stdout

    assert one_paused.startswith("2 task(s) pending - Next: #")
    assert all_paused == ""


def test_it_reminds_of_what_this_instance_has_in_hand(laptop, desktop):
    task = laptop.json("add", "Half done")
    laptop.run("claim")

    here, there = laptop.run("check").stdout, desktop.run("check").stdout

    assert here.startswith(f"In progress here: #{task['id']} Half done")
    assert f"claude-task-client complete {task['id']}" in here
    assert there == ""


def test_a_long_description_is_cut(laptop):
    laptop.run("add", "word " * 200)

    assert len(laptop.run("check").stdout) < 160


def test_json_holds_all_of_it(laptop):
    task = laptop.json("add", "x")

    told = json.loads(laptop.run("check", "--json").stdout)

    assert (told["pending"], told["exact"], told["claims"]) == (1, True, [])
    assert told["next"]["id"] == task["id"]


@pytest.fixture
def signed_in(laptop, monkeypatch):
    """The same instance inside this process, where the pages can be made short."""
    for name, value in laptop.variables.items():
        monkeypatch.setenv(name, value)
    return laptop


def test_it_counts_on_behind_the_first_page(signed_in, desktop):
    """Tasks for others fill the first pages; the end of the list makes the number exact."""
    for number in range(4):
        signed_in.run("add", f"Theirs {number}", "--priority", "urgent",
                      "--target", desktop.variables["CLAUDE_INSTANCE"])  # fmt: skip
    mine = signed_in.json("add", "Mine", "--project", "p")

    *less, found = look(10, page_tasks=2)

    assert (found.pending, found.is_exact) == (1, True)
    assert (found.next or {})["id"] == mine["id"]
    assert {each.is_exact for each in less} == {False}


def test_a_list_too_long_to_be_read_to_its_end_is_counted_inexactly(signed_in, monkeypatch, capsys):
    """What was counted, and a `+`."""
    monkeypatch.setattr("claude_task_client.commands.check.PAGES_MAX", 2)
    for number in range(3):
        signed_in.run("add", f"task {number}")

    *_, found = look(10, page_tasks=1)
    tell(found)

    assert (found.pending, found.is_exact) == (2, False)
    assert capsys.readouterr().out.startswith("2+ task(s) pending - Next: #")


def test_what_is_known_when_the_time_is_over_is_told():
    """A count that takes too long, or breaks off, does not hide the next task."""
    known = Found({"id": 5, "description": "x"}, 1, False, [])

    def hangs() -> Iterator[Found]:
        yield known
        threading.Event().wait()

    def breaks() -> Iterator[Found]:
        yield known
        raise Unreachable("gone")

    assert within(0.2, hangs) == known
    assert within(10, breaks) == known


def test_a_silent_athena_is_waited_for_no_longer_than_told(monkeypatch):
    """Each socket has the time that is left, and so has all of it together."""
    timeouts = []
    connect = socket.create_connection

    def recorded(address, timeout, *rest):
        timeouts.append(timeout)
        return connect(address, timeout, *rest)

    monkeypatch.setattr(socket, "create_connection", recorded)
    monkeypatch.setenv("ATHENA_API_KEY", "ath_0123456789abcdef")
    monkeypatch.setenv("CLAUDE_INSTANCE", "here")
    with strangers.stranger(strangers.silence) as url:
        monkeypatch.setenv("ATHENA_API_URL", url)
        with pytest.raises(Unreachable, match="no answer in time"):
            list(look(0.2))

    assert timeouts == [0.2]


def test_the_start_of_python_is_a_part_of_the_time():
    """The rest of 2 s belongs to the end of the process, however long it took to start."""
    assert seconds_left(0.25) == SECONDS_IN_ALL - 0.25
    assert seconds_left(60) == LOOK_SECONDS_MIN
    assert SECONDS_IN_ALL + LOOK_SECONDS_MIN <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the work of a start is known")
def test_the_start_is_measured_by_the_wall():
    """On a busy machine a process waits without working; that delays a session too."""
    code = (
        "import time; time.sleep(0.5)\n"
        "from claude_task_client.commands.check import seconds_running\n"
        "print(seconds_running())"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert 0.4 < float(told.stdout) < 60


def test_a_wrong_key_breaks_no_session(laptop):
    """One line, with the command that helps."""
    laptop.variables["ATHENA_API_KEY"] = "ath_wrong_wrong_wrong"

    done = laptop.run("check")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Athena: ")
    assert done.stderr.endswith("claude-task-client login\n")
    assert len(done.stderr.splitlines()) == 1
    assert laptop.run("check", "--strict").returncode == 1


def test_a_key_that_may_not_look_is_told_where_to_see_what_it_may(laptop, athena):
    key = athena.ask("POST", "/api/keys", {"name": "submitter", "scopes": ["submit"]}).body
    laptop.variables["ATHENA_API_KEY"] = key["secret"]

    done = laptop.run("check")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("claude-task-client doctor\n")
    assert len(done.stderr.splitlines()) == 1
