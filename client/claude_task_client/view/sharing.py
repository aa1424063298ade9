"""How the lines of a terminal are shared among lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Wish(NamedTuple):
    """The lines without which a list says nothing, and those that all of it would take."""

    least: int
    all: int
    takes_rest: bool = False


def share(lines: int, wishes: Sequence[Wish]) -> list[int]:
    """The lines that each list gets: its least first, then more in turns, the rest to one of them.

    Where there is not even the least for all, the last ones get less, down to nothing.
    """
    given = []
    left = lines
    for wish in wishes:
        given.append(min(wish.least, left))
        left -= given[-1]
    while left > 0 and any(has < wish.all for has, wish in zip(given, wishes, strict=True)):
        for index, wish in enumerate(wishes):
            if left > 0 and given[index] < wish.all:
                given[index] += 1
                left -= 1
    for index, wish in enumerate(wishes):
        if wish.takes_rest:
            given[index] += left
            break
    return given
