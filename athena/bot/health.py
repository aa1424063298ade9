"""What an instance says of its health, in words: what is wrong, what to do, how long it rests.

It comes from outside and may hold anything: what makes no sense is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from athena.bot.text import Words, ago

_PROBLEMS_SHOWN_MAX: Final = 2
# An advice may be a command or a key to copy: it stands in a block of its own, as whole as can be.
_DETAIL_UNITS: Final = 250
_ADVICE_UNITS: Final = 550
_MESSAGE_UNITS: Final = 1_200
_BRIEF_UNITS: Final = 120


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps an instance from its work, and what to do about it."""

    detail: str
    advice: str | None


def is_sick(health: Mapping[str, object]) -> bool:
    """Whether the instance says that it cannot work."""
    return health.get("ok") is False


def is_in_part(health: Mapping[str, object]) -> bool:
    """Whether it says that it cannot work on some of its projects."""
    return not is_sick(health) and bool(health.get("sick_projects"))


def problems_of(health: Mapping[str, object]) -> Sequence[Problem]:
    """What is wrong, the first of the instance's own list first."""
    listed = health.get("problems")
    found = []
    for problem in listed if isinstance(listed, list) else []:
        if not isinstance(problem, Mapping):
            continue
        detail = _text(problem, "detail") or _text(problem, "code")
        if detail is not None:
            found.append(Problem(detail, _text(problem, "advice")))
    return found


def message_of(health: Mapping[str, object]) -> str | None:
    """What is wrong in the instance's own words."""
    return _text(health, "message")


def full_lines(health: Mapping[str, object], message: str | None, words: Words) -> list[str]:
    """What is wrong, and what to do, for the one who has to do it."""
    problems = problems_of(health)
    if not problems:
        return [words.block(message, _MESSAGE_UNITS)] if message else []
    lines = []
    for problem in problems[:_PROBLEMS_SHOWN_MAX]:
        lines.append(f"• {words.line(problem.detail, _DETAIL_UNITS)}")
        lines += [words.block(problem.advice, _ADVICE_UNITS)] if problem.advice else []
    more = len(problems) - _PROBLEMS_SHOWN_MAX
    return [*lines, *([f"-# and {more} more"] if more > 0 else [])]


def brief_lines(health: Mapping[str, object], words: Words) -> list[str]:
    """The same in a line or two among others."""
    lines = []
    if is_sick(health) or is_in_part(health):
        problems = problems_of(health)[:_PROBLEMS_SHOWN_MAX]
        message = message_of(health)
        said = [problem.detail for problem in problems] or ([message] if message else [])
        lines += [f"-# {words.line(each, _BRIEF_UNITS)}" for each in said]
    until = _time(health, "limited_until")
    if until is not None:
        lines.append(f"-# at its usage limit, which ends {ago(until)}")
    return lines


def _text(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _time(said: Mapping[str, object], name: str) -> datetime | None:
    value = said.get(name)
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
