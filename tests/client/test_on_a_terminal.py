"""What a person at a terminal sees: tables, prompts, transcripts."""

import json
import sys
from collections.abc import Callable, Iterator

import pytest

from claude_task_client import Athena
from tests.client.screens import Screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")


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
