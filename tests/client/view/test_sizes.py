"""On every terminal: small and large, without colour, while its size changes."""

import re

import pytest

SIZES = [(80, 24), (100, 30), (160, 50), (300, 80)]


@pytest.fixture
def busy(pi):
    """A queue with something in each list."""
    for number in range(30):
        pi.submit(f"Task number {number} with a rather long description " + "x" * 200)
    asking = None
    for number in range(3):
        task = pi.claim_next()
        pi.progress(task, percent=10 * number, message="at it " + "m" * 200)
        pi.append_log(task, [{"kind": "text", "text": "log " + "w" * 300}] * 9, first=0)
        asking = task
    pi.ask(asking, "Which port? " + "q" * 300)
    done = pi.claim_next()
    pi.fail(done, "error " + "e" * 300, retry=False)


@pytest.mark.parametrize("size", SIZES)
async def test_every_list_is_there_and_nothing_is_wider_than_the_screen(look, busy, size):
    async with look(size) as looker:
        await looker.sees("Questions 1", "Running 3", "Pending 26", "online", "✗ failed", "log w")
        await looker.until(lambda: looker.app._lists.focused is not None)
        lines = looker.lines()

    assert len(lines) == size[1]
    assert {len(line) for line in lines} == {size[0]}
    assert "q Quit" in lines[-1]


async def test_a_resize_draws_everything_anew(look, busy):
    async with look((160, 50)) as looker:
        await looker.sees("Running 3", "✗ failed")
        for size in [(80, 24), (40, 10), (5, 2), (119, 60), (200, 24)]:
            await looker.pilot.resize_terminal(*size)
            await looker.until(lambda size=size: len(looker.lines()) == size[1])
        await looker.sees("Running 3", "Pending 26", "✗ failed")
        await looker.goes_to("pending")
        await looker.press(*["down"] * 25)
        await looker.until(lambda: looker.app._lists.pending.is_at_end)


async def test_without_colour_everything_is_told_by_words_and_signs(look, busy, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async with look((80, 24)) as looker:
        await looker.sees("Running 3", "✗ failed", "● pi", "working", "ready")
        strips = looker.app.screen._compositor.render_strips()
        console = looker.app.console
        drawn = "".join(strip.render(console) for strip in strips)

    codes = {
        int(code) for each in re.findall(r"\x1b\[([\d;]*)m", drawn) for code in each.split(";")
    }
    # Reset, bold, dim, italic, underlined, reversed, and the terminal's own two colours.
    assert codes <= {0, 1, 2, 3, 4, 7, 39, 49}


async def test_colours_are_those_of_the_terminal(look, busy):
    """A light terminal stays light, and a dark one dark: no ground is painted, no grey assumed."""
    async with look() as looker:
        await looker.sees("Running 3", "✗ failed")
        styles = [segment.style for segment in looker.segments() if segment.style]
        await looker.press("a", "h", "i")
        await looker.until(lambda: is_reversed(looker, "│hi"))
        styles += [segment.style for segment in looker.segments() if segment.style]
        await looker.press("escape", "slash", "h", "i")
        await looker.until(lambda: is_reversed(looker, "Only with:"))
        styles += [segment.style for segment in looker.segments() if segment.style]

    grounds = {style.bgcolor.name for style in styles if style.bgcolor}
    colours = [style.color for style in styles if style.color]
    assert grounds <= {"default"}
    assert all(colour.is_default or (colour.number or 0) < 16 for colour in colours)
    assert not [colour for colour in colours if colour.triplet]


def is_reversed(looker, words):
    """Whether the cursor is to be seen in the line with these words; it blinks."""
    strips = looker.app.screen._compositor.render_strips()
    line = next(strip for strip in strips if words in "".join(each.text for each in strip))
    return any(each.text == " " and each.style and each.style.reverse for each in line)
