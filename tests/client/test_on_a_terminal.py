"""What a person at a terminal sees: tables, prompts, the live view."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from claude_task_client import Athena

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")

WIDE = {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"}


class Screen:
    """A command with a terminal of its own, and all that it has drawn."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        self.drawn = ""
        self.process = subprocess.Popen(
            command, env={**environment, **WIDE}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def read_until(self, words: str) -> None:
        """Wait until the words have been drawn."""
        while words not in self.drawn:
            self.drawn += os.read(self._ours, 65536).decode("utf-8", "replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read the rest; the exit code."""
        try:
            while piece := os.read(self._ours, 65536):
                self.drawn += piece.decode("utf-8", "replace")
        except OSError:
            pass  # the other end is closed
        os.close(self._ours)
        return self.process.wait(30)


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """What is on them ends with the test."""
    screens: list[Screen] = []
    yield screens
    for screen in screens:
        screen.process.kill()
        screen.process.wait()


@pytest.fixture
def show(laptop, screens: list[Screen]):
    """Runs a command on a terminal."""

    def start(*words: str) -> Screen:
        screens.append(Screen(laptop.command(*words), laptop.environment()))
        return screens[-1]

    return start


def test_a_list_is_a_table_that_no_task_breaks_out_of(laptop, show: Callable[..., Screen]):
    laptop.run("add", "[red]not markup[/red] \x1b[2J :smile:")

    screen = show("list")

    assert screen.end() == 0
    assert "[red]not markup[/red] \\x1b[2J :smile:" in screen.drawn


def test_json_is_spread_over_lines_for_a_reader(laptop, show: Callable[..., Screen]):
    laptop.run("add", "x")

    screen = show("list", "--json")

    assert screen.end() == 0
    assert json.loads(screen.drawn)["tasks"][0]["description"] == "x"
    assert screen.drawn.count("\n") > 20


def test_login_asks_and_does_not_show_the_key(laptop, athena, show: Callable[..., Screen]):
    screen = show("login")
    screen.read_until("address")
    screen.type(athena.url + "\n")
    screen.read_until("Key")
    screen.type(athena.key + "\n")

    assert screen.end() == 0
    assert "Signed in" in screen.drawn
    assert athena.key not in screen.drawn
    assert athena.key in laptop.config_file().read_text()


def test_add_without_words_says_how(laptop, show: Callable[..., Screen]):
    screen = show("add")

    assert screen.end() == 2
    assert "claude-task-client add" in screen.drawn


def test_purge_asks_before_it_removes(laptop, show: Callable[..., Screen]):
    task = laptop.json("add", "x")
    laptop.run("cancel", str(task["id"]))

    refused, agreed = show("purge", "--before", "0s"), show("purge", "--before", "0s")
    refused.read_until("[y/N]")
    refused.type("n\n")
    assert refused.end() == 1
    assert laptop.run("show", str(task["id"])).returncode == 0
    agreed.read_until("[y/N]")
    agreed.type("y\n")

    assert agreed.end() == 0
    assert "Removed" in agreed.drawn
    assert laptop.run("show", str(task["id"])).returncode == 1


def test_purge_does_not_ask_where_it_was_told_yes(laptop, show: Callable[..., Screen]):
    screen = show("purge", "--before", "0s", "--yes")

    assert screen.end() == 0
    assert "[y/N]" not in screen.drawn


def test_watch_draws_the_queue_as_it_moves_and_ends_quietly(laptop, show: Callable[..., Screen]):
    laptop.run("add", "Draw this task")
    screen = show("watch")
    screen.read_until("Draw this task")

    laptop.run("claim")
    screen.read_until("task.claimed")
    screen.read_until("working")
    screen.process.send_signal(signal.SIGINT)

    assert screen.end() == 0
    assert "Traceback" not in screen.drawn


def test_watch_draws_open_questions_with_what_to_type(laptop, show: Callable[..., Screen]):
    laptop.run("add", "x")
    laptop.run("claim")
    number = laptop.json("ask", "Which \x1b[2J port?")["id"]

    screen = show("watch")
    screen.read_until(f"claude-task-client answer {number}")
    screen.process.send_signal(signal.SIGINT)

    assert screen.end() == 0
    assert "Which \\x1b[2J port?" in screen.drawn


def test_a_question_that_waits_shows_that_it_does(laptop, desktop, show: Callable[..., Screen]):
    """Something moves, and the time is shown; after the answer it is gone."""
    laptop.run("add", "x")
    laptop.run("claim")

    screen = show("ask", "Which port?", "--wait")
    screen.read_until("Waiting for an answer")
    screen.read_until("0:00:")
    [question] = laptop.json("answer")["questions"]
    desktop.run("answer", str(question["id"]), "80")

    assert screen.end() == 0
    assert "Answered by" in screen.drawn


def test_a_transcript_has_colours_of_ours_alone(laptop, athena, show: Callable[..., Screen]):
    """What a program wrote changes nothing on the screen."""
    with Athena(athena.url, athena.key, instance="pi") as pi:
        pi.submit("x")
        task = pi.claim_next()
        assert task is not None
        evil = {"kind": "error", "text": "[bold]no markup[/bold] :smile: \x1b[2J\x07" + "w" * 300}
        pi.append_log(task, [evil], first=0)

        screen = show("log", str(task.id), "--follow")
        screen.read_until("w" * 300)
        pi.complete(task)

    assert screen.end() == 0
    assert "[bold]no markup[/bold] :smile: \\x1b[2J\\x07www" in screen.drawn
    assert "\x1b[1;31m" in screen.drawn
    assert "\x1b[2J" not in screen.drawn
    assert "\x07" not in screen.drawn
    assert f"#{task.id} is completed" in screen.drawn


def test_watch_says_when_athena_is_away_and_goes_on(start_server, tmp_path, screens):
    from tests.client.conftest import at

    server = start_server()
    laptop = at(server, tmp_path / "laptop")
    laptop.run("add", "Before")
    screen = Screen(laptop.command("watch"), laptop.environment())
    screens.append(screen)
    screen.read_until("Before")
    server.stop()
    screen.read_until("Trying again")

    server.start()
    laptop.run("add", "Afterwards")
    screen.read_until("Afterwards")
    screen.process.send_signal(signal.SIGINT)

    assert screen.end() == 0
