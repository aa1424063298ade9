"""What a benchmark says: tables for people, figures for machines."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Table:
    """Some rows under a title; `goal` and `notes` stand below it. `words`: cells are no numbers."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    goal: str = ""
    notes: list[str] = field(default_factory=list)
    words: bool = False

    def __str__(self) -> str:
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        lines = [f"## {self.title}", ""]
        lines += [_line(self.columns, widths, words=self.words), _rule(widths, words=self.words)]
        lines += [_line(row, widths, words=self.words) for row in self.rows]
        if self.goal:
            lines += ["", f"Goal: {self.goal}"]
        return "\n".join([*lines, *([""] if self.notes else []), *self.notes, ""])


@dataclass(frozen=True, slots=True)
class Plot:
    """What `bench/plots.py` is to draw: the function's name, what it shows in words, its data."""

    kind: str
    title: str
    data: Mapping[str, object]


@dataclass(slots=True)
class Report:
    """What one benchmark has found. `figures` have their unit in their names.

    `texts` stand below the tables; `plots` go by their file's name.
    """

    tables: list[Table] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    plots: dict[str, Plot] = field(default_factory=dict)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.tables), *(f"{text}\n" for text in self.texts)])


@dataclass(frozen=True, slots=True)
class Options:
    """How thoroughly to measure, and which of the peers (none named: all)."""

    quick: bool = False
    peers: tuple[str, ...] = ()


def _line(cells: Sequence[str], widths: Sequence[int], *, words: bool) -> str:
    first, *others = (
        cell.ljust(width) if words or place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join([first, *others])} |"


def _rule(widths: Sequence[int], *, words: bool) -> str:
    first, *others = widths
    ends = "-" if words else ":"
    return "|".join(
        ["", "-" * (first + 2), *(f"{'-' * (width + 1)}{ends}" for width in others), ""]
    )


def percentile(values: Iterable[float], part: float) -> float:
    """The value below which `part` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def middle(values: Sequence[float], digits: int = 0) -> str:
    """The median, with the range beside it."""
    low, high = min(values), max(values)
    return (
        f"{statistics.median(values):,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"
        if len(values) > 1
        else f"{values[0]:,.{digits}f}"
    )


def steps(name: str, items: Sequence[str]) -> Iterator[str]:
    """The items, saying on stderr how far one is: measuring takes minutes."""
    shows = sys.stderr.isatty()
    for place, item in enumerate(items, 1):
        text = f"{name}: {item} ({place} of {len(items)})"
        print(f"\r\x1b[K{text}" if shows else text, end="" if shows else "\n", file=sys.stderr)
        sys.stderr.flush()
        yield item
    if shows:
        print("\r\x1b[K", end="", file=sys.stderr)
