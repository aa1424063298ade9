"""Keys that come faster than the screen changes, or when it has just changed by itself."""

import pytest
from textual import events
from textual.content import Content

from claude_task_client.view.panel import Panel


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
