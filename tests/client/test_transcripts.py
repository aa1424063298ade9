"""`log` and `sessions`: what was done in a task, and in which of Claude's conversations."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from claude_task_client import Athena, Task
from claude_task_client.errors import EXIT_DONE, EXIT_REFUSED, EXIT_WRONG_USAGE
from tests.client.conftest import at


@pytest.fixture
def pi(athena) -> Iterator[Athena]:
    """A worker."""
    with Athena(athena.url, athena.key, instance="pi") as worker:
        yield worker


def in_hand(pi: Athena) -> Task:
    """A task that the worker holds."""
    pi.submit("x", project="logged")
    task = pi.claim_next()
    assert task is not None
    return task


def write(pi: Athena, task: Task, *texts: str, first: int = 0, kind: str = "text") -> None:
    at = "2026-11-22T08:00:00Z"
    lines = [{"kind": kind, "text": text, "at": at} for text in texts]
    pi.append_log(task, lines, first=first)


def test_a_transcript_is_printed_with_time_and_kind(laptop, pi):
    task = in_hand(pi)
    write(pi, task, "I look at it.")
    write(pi, task, "Bash: make test\nmake check", first=1, kind="tool")

    done = laptop.run("log", str(task.id))

    heading, said, tool, more = done.stdout.splitlines()
    assert (done.returncode, done.stderr, heading) == (EXIT_DONE, "", "Attempt 1")
    assert said.split(maxsplit=1)[1] == "text   I look at it."
    assert tool.endswith(" tool   Bash: make test")
    assert more.strip() == "make check"
    assert more.index("make") == tool.index("Bash")


def test_nothing_in_a_transcript_reaches_the_terminal_raw(laptop, pi):
    """Programs print escapes; so may those who want to deceive."""
    task = in_hand(pi)
    write(pi, task, "\x1b]0;owned\x07 \x9b2J \u202eevil \r hidden \x1b[31m")

    plain, raw = laptop.run("log", str(task.id)), laptop.run("log", str(task.id), "--json")

    for done in (plain, raw):
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(done.stdout)
    assert "\\x1b]0;owned\\x07" in plain.stdout
    assert json.loads(raw.stdout)["lines"][0]["text"].startswith("\x1b]0;owned")


def test_the_last_lines_are_shown_as_many_as_asked_for(laptop, pi):
    task = in_hand(pi)
    write(pi, task, *[f"line {number}" for number in range(60)])

    by_default = laptop.run("log", str(task.id)).stdout.splitlines()
    two = laptop.run("log", str(task.id), "--lines", "2").stdout.splitlines()

    assert len(by_default) == 1 + 50
    assert [line.split(maxsplit=2)[-1] for line in two[1:]] == ["line 58", "line 59"]
    assert laptop.run("log", str(task.id), "-n", "0").stdout == ""
    assert laptop.run("log", str(task.id), "-n", "100001").returncode == EXIT_WRONG_USAGE


def test_an_empty_transcript_and_no_task_are_told_apart(laptop, pi):
    empty, none = laptop.run("log", str(in_hand(pi).id)), laptop.run("log", "999999")

    assert (empty.returncode, empty.stdout) == (EXIT_DONE, "")
    assert "Nothing is recorded" in empty.stderr
    assert none.returncode == EXIT_REFUSED


def test_a_long_transcript_is_shown_whole(laptop, pi):
    """However many pages Athena makes of it."""
    task = in_hand(pi)
    write(pi, task, *[f"line {number}" for number in range(1200)])

    shown = laptop.run("log", str(task.id), "--lines", "1100").stdout.splitlines()
    raw = laptop.json("log", str(task.id), "--lines", "100000")

    assert [line.split()[-1] for line in shown[1:]] == [str(n) for n in range(100, 1200)]
    assert [line["text"] for line in raw["lines"]] == [f"line {n}" for n in range(1200)]


def test_lines_that_are_not_kept_any_more_are_counted(laptop, pi):
    task = in_hand(pi)
    big = "x" * 4000
    write(pi, task, *[big] * 1200)

    done = laptop.run("log", str(task.id), "--lines", "1")

    page = pi.log(task.id)
    assert page.dropped
    assert f"The oldest {page.dropped} lines" in done.stderr


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_following_ends_with_the_task_however_it_ended(laptop, pi, end):
    """Exit code 0: following went well, whatever became of the task."""
    task = in_hand(pi)
    write(pi, task, "old", "newer")
    following = laptop.start("log", str(task.id), "--follow", "--lines", "1")
    seen = [following.stdout.readline() for _ in range(2)]

    write(pi, task, "live", first=2)
    seen.append(following.stdout.readline())
    {
        "complete": lambda: pi.complete(task),
        "fail": lambda: pi.fail(task, "no", retry=False),
        "cancel": lambda: pi.cancel(task.id),
    }[end]()
    rest, errors = following.communicate(timeout=60)

    assert [line.split()[-1] for line in seen] == ["1", "newer", "live"]
    assert (following.returncode, rest) == (EXIT_DONE, "")
    assert errors.startswith(f"#{task.id} is {pi.get(task.id).status}")


def test_following_begins_at_the_end_where_no_lines_are_asked_for(laptop, pi):
    task = in_hand(pi)
    write(pi, task, "old")
    following = laptop.start("log", str(task.id), "-f", "-n", "0", "--json")
    write(pi, task, "old", "live", first=0)
    pi.complete(task)

    output, _ = following.communicate(timeout=60)

    # Whether it began before or after the line came: it is not older than that.
    assert [json.loads(line)["text"] for line in output.splitlines()] in (["live"], [])


def test_following_a_task_that_is_over_ends_at_once(laptop, pi):
    task = in_hand(pi)
    write(pi, task, "all of it")
    pi.complete(task)

    done = laptop.run("log", str(task.id), "--follow", "--json")

    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["all of it"]
    assert (done.returncode, done.stderr) == (EXIT_DONE, "")


def test_following_starts_before_there_is_anything(laptop, pi):
    """A task that waits is followed until somebody has worked on it."""
    task = pi.submit("x")
    following = laptop.start("log", str(task.id), "--follow")
    assert "Waiting for the first line" in following.stderr.readline()

    claimed = pi.claim(task.id)
    write(pi, claimed, "here we go")
    pi.complete(claimed)
    output, _ = following.communicate(timeout=60)

    assert (following.returncode, output.splitlines()[-1].split()[-1]) == (EXIT_DONE, "go")


def test_a_restart_of_athena_leaves_no_gap(start_server, tmp_path):
    """It is told that the connection was lost, and goes on behind the last line."""
    server = start_server()
    laptop = at(server, tmp_path / "laptop")
    with Athena(server.url, server.key, instance="pi") as pi:
        task = in_hand(pi)
        write(pi, task, "one")
        following: Any = laptop.start("log", str(task.id), "--follow")
        seen = [following.stdout.readline() for _ in range(2)]
        server.kill()
        lost = following.stderr.readline()
        server.start()
        write(pi, task, "one", "two", "three")
        pi.complete(task)
    rest, _ = following.communicate(timeout=60)

    assert [line.split()[-1] for line in [*seen[1:], *rest.splitlines()]] == ["one", "two", "three"]
    assert lost.endswith("Trying again.\n")
    assert following.returncode == EXIT_DONE


def test_each_attempt_has_a_heading(laptop, pi):
    task = in_hand(pi)
    write(pi, task, "first try")
    pi.release(task)
    again = pi.claim(task.id)
    write(pi, again, "second try")

    shown = laptop.run("log", str(task.id)).stdout.splitlines()

    assert [shown[0], shown[2]] == ["Attempt 1", "Attempt 2"]


def test_sessions_are_listed_with_what_they_cost(laptop, pi):
    """The one used last comes first; one by itself comes with its tasks."""
    result = {"success": True, "session_id": "s-1", "total_cost_usd": 0.25, "num_turns": 3}
    task = in_hand(pi)
    pi.complete(task, result=result)
    small = {**result, "session_id": "s-2", "total_cost_usd": 0.004}
    pi.complete(in_hand(pi), result=small)

    newest, listed = laptop.run("sessions", "--project", "logged").stdout.splitlines()[1:]
    shown = laptop.run("sessions", "s-1").stdout
    found = laptop.json("sessions", "s-1")

    assert listed.split()[:6] == ["s-1", "logged", "pi", "1", "$0.25", "3"]
    assert newest.split()[:6] == ["s-2", "logged", "pi", "1", "$0.0040", "3"]
    assert "completed" in shown
    assert (found["session"]["id"], found["tasks"][0]["id"]) == ("s-1", task.id)
    assert laptop.json("sessions")["sessions"][1]["id"] == "s-1"


def test_no_session_is_told_with_what_to_do(laptop):
    none = laptop.run("sessions", "--project", "nothing-here")
    unknown = laptop.run("sessions", "unknown")
    both = laptop.run("sessions", "unknown", "--project", "p")

    assert (none.returncode, none.stderr) == (EXIT_DONE, "")
    assert "No session yet" in none.stdout
    assert unknown.returncode == EXIT_REFUSED
    assert "claude-task-client sessions" in unknown.stderr
    assert both.returncode == EXIT_WRONG_USAGE
