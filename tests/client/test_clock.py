"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from claude_task_client.clock import read_future, read_past, read_span

NOON = datetime(2026, 11, 22, 12, 0).astimezone()


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2 h", timedelta(hours=2)),
        ("1w2d", timedelta(weeks=1, days=2)),
    ],
)
def test_a_span_is_numbers_with_units(text, span):
    assert read_span(text) == span


@pytest.mark.parametrize("text", ["", "30", "h", "-5m", "1x", "30m1h", "soon"])
def test_other_words_are_no_span(text):
    assert read_span(text) is None


def test_a_span_lies_ahead_or_behind_as_the_option_means_it():
    assert read_future("2h", at=NOON) == NOON + timedelta(hours=2)
    assert read_past("30d", at=NOON) == NOON - timedelta(days=30)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("18:30", "2026-11-22 18:30"),
        ("9:00", "2026-11-23 09:00"),
        ("today 23:00", "2026-11-22 23:00"),
        ("tomorrow 09:00", "2026-11-23 09:00"),
        ("Tomorrow", "2026-11-23 00:00"),
    ],
)
def test_a_time_of_day_is_the_next_one_on_this_machines_clock(text, local):
    """A bare hour that has passed today is meant for tomorrow."""
    assert read_future(text, at=NOON) == datetime.fromisoformat(local).astimezone()


def test_iso_8601_counts_with_its_zone_and_as_local_time_without_one():
    assert read_future("2026-12-24T18:00:00Z", at=NOON) == datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert read_future("2026-12-24 18:00", at=NOON) == datetime(2026, 12, 24, 18).astimezone()


@pytest.mark.parametrize("text", ["", "soon", "25:00", "tomorrow noon", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError):
        read_future(text, at=NOON)
