"""Taking one member out of JSON that somebody else wrote, without touching the rest of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

_DECODER: Final = json.JSONDecoder()
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class _Member(NamedTuple):
    """Where a member of an object stands: from its name on, and its value."""

    name: str
    start: int
    value: int
    end: int


def remove(text: str, path: Sequence[str]) -> str:
    """The text without the member that the path of names leads to; as it was where there is none.

    Raises: ValueError where the text is not JSON.
    """
    json.loads(text)
    while (shorter := _remove_one(text, path)) != text:
        text = shorter  # a name may stand there twice
    return text


def _remove_one(text: str, path: Sequence[str]) -> str:
    start = _skip(text, 0)
    for name in path[:-1]:
        there = [member for member in _members(text, start) if member.name == name]
        if not there:
            return text
        start = there[-1].value
    members = _members(text, start)
    for index, member in enumerate(members):
        if member.name != path[-1]:
            continue
        if index + 1 < len(members):
            return text[: member.start] + text[members[index + 1].start :]
        if index:
            return text[: members[index - 1].end] + text[member.end :]
        return text[: start + 1] + text[text.index("}", member.end) :]
    return text


def _members(text: str, start: int) -> Sequence[_Member]:
    """The members of the object that starts here; none where it is no object."""
    if text[start : start + 1] != "{":
        return []
    members = []
    position = _skip(text, start + 1)
    while text[position] != "}":
        name, after = _DECODER.raw_decode(text, position)
        value = _skip(text, _skip(text, after) + 1)  # behind the colon
        _, end = _DECODER.raw_decode(text, value)
        members.append(_Member(name, position, value, end))
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return members


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()
