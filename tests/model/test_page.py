"""Cursors: those that were given, and any other text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.model.errors import Invalid
from athena.model.page import cursor_for, event_position_of, position_of


@given(st.integers(0, 2), st.integers(0, 10**17), st.integers(0, 10**17))
def test_cursor_leads_back(part: int, key: int, last_id: int):
    """A cursor that was given is understood, and needs no quoting in a URL."""
    cursor = cursor_for(part, key, last_id)

    assert position_of(cursor, parts=3) == (part, key, last_id)
    assert set(cursor) <= set("0123456789-")


@given(st.text())
def test_any_other_text_is_no_cursor(text: str):
    """It is refused, and nothing worse."""
    assert faulty_fields(lambda: position_of(text, parts=3)) in ([], ["cursor"])
    assert faulty_fields(lambda: event_position_of(text)) in ([], ["cursor"])


def faulty_fields(act: Callable[[], object]) -> list[str]:
    try:
        act()
    except Invalid as refusal:
        return [error.field for error in refusal.errors]
    return []


@pytest.mark.parametrize("text", ["3-1-1", "0-1", "0-1-1-1", "0--1", "0-١-1", "0-1-" + "9" * 19])
def test_cursors_of_nobody(text: str):
    """Too many, too few, not of this list, not a plain number, too large for the store."""
    with pytest.raises(Invalid):
        position_of(text, parts=3)


def test_events_begin_at_the_beginning():
    """No cursor is the first page."""
    assert event_position_of(None) == 0
    assert event_position_of("17") == 17
