"""Times, spans and texts: how they are written, and which are taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.model.retry import delay_after
from athena.model.text import (
    epoch_milliseconds,
    fault_in_text,
    from_epoch_milliseconds,
    is_slug,
    iso,
    milliseconds,
)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 21, 20, 0, tzinfo=UTC), "2026-11-21T20:00:00.000Z"),
        (datetime(2026, 11, 21, 20, 0, 0, 999_999, tzinfo=UTC), "2026-11-21T20:00:00.999Z"),
        (
            datetime(2026, 11, 21, 21, 0, tzinfo=timezone(timedelta(hours=2))),
            "2026-11-21T19:00:00.000Z",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(at: datetime, text: str):
    """ISO 8601, `Z`, cut and never rounded up."""
    assert iso(at) == text


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_times_are_kept_to_the_millisecond(value: int):
    """What the store kept comes back."""
    assert epoch_milliseconds(from_epoch_milliseconds(value)) == value


@given(st.timedeltas())
def test_spans_are_rounded_down(span: timedelta):
    """Never longer than they are, also below zero."""
    rest = span - timedelta(milliseconds=milliseconds(span))

    assert timedelta(0) <= rest < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 30), (1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (9, 3600), (10**9, 3600)],
)
def test_waits_between_attempts(failures: int, seconds: int):
    """30 s, doubled each time, at most an hour."""
    assert delay_after(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["a", "9", "macbook-pro", "A.b_c-9", "x" * 64])
def test_slugs(text: str):
    """A letter or digit, then up to 63 more with dots, underscores and hyphens."""
    assert is_slug(text)


@pytest.mark.parametrize(
    "text", ["", "-a", ".a", "_a", "a b", "a/b", "é", "x" * 65, "a\n", "\na", "a\x00"]
)
def test_what_is_no_slug(text: str):
    """Anything else, also what only ends badly."""
    assert not is_slug(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50))
def test_any_text_without_nul_and_surrogates_is_taken(text: str):
    """It can be stored and shown back unchanged."""
    assert fault_in_text(text, 50) is None
    assert text.encode().decode() == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("abcd", "has 4 characters; at most 3 are allowed"),
        ("\x00", "contains a NUL character"),
        ("a\ud800", "contains a lone surrogate"),
        ("\udfff", "contains a lone surrogate"),
    ],
)
def test_faults_in_texts(text: str, fault: str):
    """Each is named."""
    assert fault_in_text(text, 3) == fault
