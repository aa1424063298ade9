"""Keys that come faster than the screen changes, or when it has just changed by itself."""

import pytest
from textual import events
from textual.content import Content

from claude_task_client.view import answering, lists
from claude_task_client.view.panel import Panel
from tests.client.view.conftest import claimed


def at_once(looker, *keys):
    """Keys that a terminal sends in one piece: a key held down, or a slow line."""
    for key in keys:
        looker.app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize(
    ("opens", "seen", "ends"),
    [
        ("enter", "Status:", "backspace"),
        ("l", "Log of", "backspace"),
        ("c", "Yes, cancel it", "n"),
        ("p", "Give out tasks?", "escape"),
        ("question_mark", "these keys; quit", "escape"),
    ],
)
async def test_a_key_held_down_ends_one_screen_and_not_the_view(look, person, opens, seen, ends):
    """What lies below a screen that is left stays."""
    person.submit("Look at me")

    async with look() as looker:
        await looker.goes_to("pending")
        await looker.press(opens)
        await looker.sees(seen)
        at_once(looker, ends, ends, ends)
        await looker.misses(seen)
        await looker.sees("Look at me", "Pending 1")


async def test_yes_pressed_twice_cancels_once(look, person):
    task = person.submit("Stop me")

    async with look() as looker:
        await looker.goes_to("pending")
        await looker.press("c")
        await looker.sees("Yes, cancel it")
        at_once(looker, "y", "y")
        await looker.sees(f"Cancelled: #{task.id}.", "– cancelled")

    assert person.get(task.id).status == "cancelled"


@pytest.mark.parametrize("words", ["[/", "[@click=([$link).link#", "\\[b]x", "[/b]"])
async def test_the_title_of_a_list_is_no_markup(look, words):
    async with look() as looker:
        panel = looker.app.query_one("#pending", Panel)
        panel.fill([], 0, words)
        title = panel._border_title

    assert isinstance(title, Content)
    assert title.plain == f" Pending 0 · {words} "


@pytest.fixture
def slow(monkeypatch):
    """A person who needs a minute to look; not one whom a busy machine makes faster than it."""
    monkeypatch.setattr(lists, "LOOK_AGAIN_SECONDS", 60)
    monkeypatch.setattr(answering, "READ_SECONDS_MIN", 60)
    return monkeypatch


@pytest.mark.parametrize("key", ["c", "r", "plus", "p"])
async def test_no_key_is_for_a_task_that_came_under_the_cursor_just_now(look, pi, slow, key):
    """Who meant the one that is gone is told so, and may press again."""
    pi.submit("First", priority="urgent")
    pi.submit("Second")

    async with look() as looker:
        await looker.goes_to("pending")
        pi.claim_next()
        await looker.until(lambda: looker.app._lists.has_just_slipped)
        await looker.press(key)
        await looker.sees("What was selected is gone")
        opened = len(looker.app.screen_stack)
        slow.setattr(lists, "LOOK_AGAIN_SECONDS", 0)
        await looker.press(key)
        await looker.until(lambda: len(looker.app.screen_stack) == 2)

    assert opened == 1


async def test_no_key_is_for_a_list_that_got_the_cursor_just_now(look, pi, slow):
    """The last running task has ended: the cursor goes to another list."""
    pi.submit("Runs")
    task = claimed(pi)
    pi.submit("Waits")

    async with look() as looker:
        await looker.sees("Runs", "Waits")
        await looker.goes_to("running")
        pi.complete(task)
        await looker.until(lambda: looker.app._lists.has_just_slipped)
        await looker.press("c")
        await looker.sees("What was selected is gone")

    assert len(pi.list(status="pending").tasks) == 1


async def test_the_answer_of_one_question_is_not_given_to_the_next(look, pi, person, slow):
    """It was answered elsewhere while the keys were on their way."""
    pi.submit("x")
    task = claimed(pi)
    action = {"tool": "Bash", "input": {"command": "make"}}
    first = pi.ask(task, "First?", kind="approval", action=action)
    second = pi.ask(task, "Second?", kind="approval", action=action)

    async with look() as looker:
        await looker.sees("First?", "Second?")
        await looker.goes_to("questions")
        person.answer(first.id, "deny")
        await looker.until(lambda: looker.app._lists.has_just_slipped)
        await looker.press("a", "o")
        await looker.sees("What was selected is gone")

    assert pi.question(second.id).is_open


async def test_nothing_is_allowed_as_soon_as_it_comes_up(look, pi, slow):
    """`a` and `o` in one go allow what nobody can have read; a moment later `o` does."""
    pi.submit("x")
    action = {"tool": "Bash", "input": {"command": "make"}}
    asked = pi.ask(claimed(pi), "May I?", kind="approval", action=action)

    async with look() as looker:
        await looker.sees("May I?")
        await looker.press("a")
        await looker.press("o")
        await looker.sees("Read it to its end first")
        still_open = pi.question(asked.id).is_open
        slow.setattr(answering, "READ_SECONDS_MIN", 0)
        await looker.press("o")
        await looker.sees("Answered question")

    assert still_open
