"""What is said of an instance's health."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from athena.bot.health import brief_lines, full_lines
from athena.bot.notices import CONTENT_UNITS, Wording
from athena.bot.standing import instance_lines
from athena.bot.text import Words, units
from athena.model.event import SYSTEM, Event, EventId
from athena.model.instance import Instance, Presence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = Words()
PROBLEMS = [
    {"code": "signed_out", "detail": "Claude is *not* signed in", "advice": "claude auth login"},
    {"code": "no_git", "advice": 7},
    {"code": "disk", "detail": "no room"},
]


def sick_notice(health: dict[str, object], message: str = "m") -> str:
    instance = Instance(slug="pi", health=health, first_seen=NOW, last_seen=NOW)
    data = {"instance": "pi", "message": message}
    event = Event(EventId(1), "instance.sick", None, NOW, SYSTEM, data)
    return Wording(WORDS, lambda slug: slug).sick(event, instance).content


def test_problems_come_with_what_to_do() -> None:
    """The advice in a block to copy from; of many the first, and how many more."""
    lines = full_lines({"ok": False, "problems": PROBLEMS}, "message", WORDS)
    assert lines == [
        r"• Claude is \*not\* signed in",
        "```\nclaude auth login\n```",
        r"• no\_git",
        "-# and 1 more",
    ]


def test_message_stands_where_no_problems_are_named() -> None:
    """Older workers, and those of others, say a sentence."""
    assert full_lines({"ok": False}, "no disk", WORDS) == ["```\nno disk\n```"]
    assert full_lines({"ok": False}, None, WORDS) == []


def test_instance_that_is_well_again_is_told_of_by_the_event() -> None:
    """What it says by now is no reason for what it said then."""
    content = sick_notice({"ok": True, "problems": PROBLEMS}, "no disk")
    assert "no disk" in content
    assert "signed in" not in content


def test_instance_that_cannot_work_on_some_projects_says_on_which() -> None:
    """It is not sick as a whole; its status has the reason all the same."""
    health = {"ok": True, "sick_projects": ["lib"], "problems": [{"detail": "lib: gone"}]}
    instance = Instance(slug="pi", health=health, first_seen=NOW, last_seen=NOW)
    data = {"instance": "pi", "message": "m", "projects": ["lib", "web*"]}
    event = Event(EventId(1), "instance.sick", None, NOW, SYSTEM, data)

    told = Wording(WORDS, lambda slug: slug).sick(event, instance).content

    assert told.splitlines() == [r"🩺 pi cannot work on lib, web\*", "• lib: gone"]
    assert brief_lines(health, WORDS) == ["-# lib: gone"]


@pytest.mark.parametrize("problems", ["none", [7, None, {}, {"detail": " "}], {"a": 1}])
def test_odd_problems_are_passed_over(problems: object) -> None:
    """An instance can say anything."""
    assert "no disk" in sick_notice({"ok": False, "problems": problems}, "no disk")


def test_usage_limit_is_seen() -> None:
    """An instance that holds back says until when; it is not sick."""
    lines = brief_lines({"ok": True, "limited_until": "2026-11-22T13:00:00.000Z"}, WORDS)
    assert lines == ["-# at its usage limit, which ends <t:1795352400:R>"]
    assert brief_lines({"ok": True, "limited_until": "soon"}, WORDS) == []


@pytest.mark.parametrize("sign", ["x", "*", "`", "\n", "👨‍👩‍👧"])
def test_largest_problems_fit_into_a_message(sign: str) -> None:
    """Health has at most 4 KiB, of whatever signs."""
    much = f"a{sign}" * 2_000
    problems = [{"detail": much, "advice": much}] * 5
    assert units(sick_notice({"ok": False, "problems": problems}, much)) <= CONTENT_UNITS
    assert units(sick_notice({"ok": False}, much)) <= CONTENT_UNITS


def test_many_sick_instances_fit_into_the_status() -> None:
    """An embed has a bound; how many are left out is said."""
    problems = [{"detail": "d" * 500}] * 3
    present = [
        Presence(
            instance=Instance(
                slug=f"pi-{number}",
                name="n" * 100,
                health={"ok": False, "problems": problems},
                first_seen=NOW,
                last_seen=NOW,
            )
        )
        for number in range(30)
    ]
    text = "\n".join(instance_lines(present, WORDS))
    assert units(text) <= 3_100
    assert "more" in text
