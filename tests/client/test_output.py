"""What is printed cannot do anything to the terminal."""

import json

import pytest

from claude_task_client import output

HOSTILE = "a\x1b]0;gotcha\x07b\x9b2Jc\rd\u202ee\x00f\u2028g"


def test_control_characters_become_visible():
    """Neither controls nor turns of direction reach the terminal; line ends and tabs do."""
    shown = output.clean(HOSTILE + "\n\tend")

    assert shown == r"a\x1b]0;gotcha\x07b\x9b2Jc\x0dd\u202ee\x00f\u2028g" + "\n\tend"


def test_a_line_is_one_line_and_not_longer_than_asked():
    assert output.line("one\n two\t\x0b three") == "one two three"
    assert output.line("x" * 100, 10) == "x" * 9 + "…"


def test_json_says_the_same_and_holds_no_control_character(capsys):
    """Inside JSON an escape means the character itself, so nothing is lost."""
    answer = {"description": HOSTILE, "city": "Zürich"}

    output.print_json(answer)

    printed = capsys.readouterr().out
    assert json.loads(printed) == answer
    assert printed.rstrip("\n") == output.clean(printed.rstrip("\n"))
    assert "Zürich" in printed


def test_a_table_outside_a_terminal_is_aligned_text(capsys):
    output.table(["ID", "WORDS"], [["#5", "a\x1b[2J"], ["#123", "b"]])

    assert capsys.readouterr().out == "ID    WORDS\n#5    a\\x1b[2J\n#123  b\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0, "0 s"),
        (59.6, "1 min"),
        (3661, "1 h 1 min"),
        (90000, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, words):
    assert output.span(seconds) == words
