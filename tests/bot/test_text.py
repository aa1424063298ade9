"""Other people's words stay in their place, whatever they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.bot.text import REDACTED, Words, ago, cost, cut, span, units

WORDS = Words()
ANYTHING = st.text(max_size=400)
TRICKY = st.text(alphabet="`*_~|<>[]()#@\\ -\n1.👨‍👩‍👧🇩🇪é\u202ea", max_size=200)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** and _slanted_", r"\*\*bold\*\* and \_slanted\_"),
        ("<@123> <@&5> <#7> <t:1:R>", r"\<@123\> \<@&5\> \<#7\> \<t:1:R\>"),
        ("[click](http://evil.example)", r"\[click\](http://evil.example)"),
        ("||hidden||", r"\|\|hidden\|\|"),
        ("`code`", r"\`code\`"),
        ("two\nlines", "two lines"),
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("1. first", r"1\. first"),
        ("see https://example.org/a_b_c", "see https://example.org/a_b_c"),
        ("שלום עולם", "שלום עולם"),
        ("turn\u202e around", "turn around"),
        ("nul\x00 and bell\x07", "nul and bell"),
    ],
)
def test_line_shows_text_as_it_is(text: str, shown: str) -> None:
    """Markdown, mentions and control characters of a text are shown, not obeyed."""
    assert WORDS.line(text, 200) == shown


@pytest.mark.parametrize("word", ["everyone", "here"])
def test_everybody_is_not_named(word: str) -> None:
    """What would name everybody is broken, even where nothing would ping."""
    assert f"@{word}" not in WORDS.line(f"hello @{word}", 100)
    assert f"@{word}" not in WORDS.paragraph(f"hello @{word}", 100)


@given(text=st.one_of(ANYTHING, TRICKY), units_max=st.integers(8, 120))
def test_every_form_keeps_to_its_length(text: str, units_max: int) -> None:
    """Whatever the text, no form is longer than it may be."""
    for form in (WORDS.line, WORDS.paragraph, WORDS.plain, WORDS.block, WORDS.code):
        assert units(form(text, units_max)) <= max(units_max, 11)


@given(text=st.one_of(ANYTHING, TRICKY))
def test_block_cannot_be_closed_from_within(text: str) -> None:
    """A code block has two fences: its own."""
    block = WORDS.block(text, 500)
    assert block.startswith("```\n")
    assert block.endswith("\n```")
    assert block.count("```") == 2


@given(text=TRICKY)
def test_line_leaves_no_sign_to_be_obeyed(text: str) -> None:
    """Every sign of markdown outside addresses stands behind a backslash of its own."""
    shown = WORDS.line(text, 2_000).replace("\\\\", "")
    for sign in "*_~`|<>[]":
        assert shown.count(sign) == shown.count(f"\\{sign}")


@pytest.mark.parametrize(
    ("text", "units_max", "beginning"),
    [
        ("👨‍👩‍👧👨‍👩‍👧", 12, "👨‍👩‍👧"),
        ("🇩🇪🇫🇷🇮🇹", 10, "🇩🇪🇫🇷"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301"),
        ("👍🏽👍🏽", 7, "👍🏽"),
        ("the quick brown fox jumps", 23, "the quick brown fox"),
    ],
)
def test_cut_parts_no_character(text: str, units_max: int, beginning: str) -> None:
    """What people see as one character stays whole, and words where that costs little."""
    assert cut(text, units_max) == f"{beginning}…"


def test_text_that_fits_is_not_cut() -> None:
    """A text of exactly the length allowed has nothing taken from it."""
    assert cut("x" * 100, 100) == "x" * 100


@pytest.mark.parametrize(
    "secret",
    [
        "ath_0123456789abcdef",
        "sk-ant-api03-abcdefghijklmnop",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "the-configured-secret",
    ],
)
def test_secrets_are_taken_out(secret: str) -> None:
    """Known secrets, and what looks like one, stand in no form of a text; also when cut."""
    words = Words(("the-configured-secret",))
    text = f"the key is {secret}, keep it"
    for form in (words.line, words.paragraph, words.plain, words.block, words.code):
        for length in (40, 60, 2_000):
            shown = form(text, length).replace("\\", "")
            assert secret not in shown
            assert secret[:16] not in shown
    assert REDACTED in words.redact(text)


def test_short_secret_does_not_blot_out_words() -> None:
    """A setting of a few letters is not a secret that can be looked for in texts."""
    assert Words(("task",)).line("a task", 50) == "a task"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://github.com/a/b/pull/7", "<https://github.com/a/b/pull/7>"),
        ("javascript:alert(1)", None),
        ("https://x.example/> @everyone", None),
        ("https://x.example/" + "a" * 600, None),
    ],
)
def test_only_plain_addresses_become_links(url: str, shown: str | None) -> None:
    """An address is shown whole and without a preview, or not at all."""
    assert WORDS.link(url) == shown


def test_spans_and_costs_are_for_people() -> None:
    """Two units at most, and no more digits than anybody reads."""
    assert [span(timedelta(seconds=s)) for s in (0, 42, 192, 7_500, 100_000)] == [
        "0 s",
        "42 s",
        "3 min 12 s",
        "2 h 5 min",
        "1 d 3 h",
    ]
    assert [cost(usd) for usd in (0, 0.001, 0.42, 1234.5)] == [
        "$0.00",
        "<$0.01",
        "$0.42",
        "$1,234.50",
    ]
    assert ago(datetime(2026, 1, 1, tzinfo=UTC)) == "<t:1767225600:R>"
