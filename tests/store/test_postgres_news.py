"""What nobody has told of, as NOTIFY is missing or its line is dead, is found by looking."""

from __future__ import annotations

import pytest

from athena.model.event import EventId
from athena.store.base import Committed
from athena.store.postgres_news import News


@pytest.fixture
def heard() -> list[Committed]:
    return []


@pytest.fixture
def news(heard: list[Committed]) -> News:
    """It listens to nobody."""
    return News("postgresql://nowhere/athena", "one", heard.append)


def test_own_commits_are_no_news(news: News, heard: list[Committed]):
    """They were told of when they were made."""
    news.note(EventId(1), EventId(3))

    for _ in range(2):
        news.look(EventId(3))

    assert heard == []


def test_commit_of_another_is_found_also_behind_one_of_our_own(news: News, heard: list[Committed]):
    """A replica that writes all the time must not take the others' events for its own."""
    news.note(EventId(1), EventId(3))
    news.note(EventId(5), EventId(6))

    for _ in range(2):
        news.look(EventId(6))

    assert [(told.wake_all, told.elsewhere) for told in heard] == [(True, 6)]
