"""How transcripts look in JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from athena.api.wire.times import time_or_none
from athena.model.transcript import Line, LineKind, TranscriptPage


class LineJson(TypedDict):
    """A line: `id` counts within the task, `number` within the attempt."""

    id: int
    attempt: int
    number: int
    at: str
    kind: LineKind
    text: str


class LogPage(TypedDict):
    """Some of a transcript, oldest first; `next_after` is where to go on from.

    `dropped`: how many of the oldest lines are no longer kept.
    """

    lines: list[LineJson]
    next_after: int
    dropped: int


class AppendedJson(TypedDict):
    """What was kept: `next` is the number of the attempt's next line."""

    next: int


def line_json(line: Line) -> LineJson:
    """A line."""
    return {
        "id": line.id,
        "attempt": line.attempt,
        "number": line.number,
        "at": time_or_none(line.at) or "",
        "kind": line.kind,
        "text": line.text,
    }


def log_page(page: TranscriptPage) -> LogPage:
    """Some of a transcript."""
    return {
        "lines": [line_json(line) for line in page.lines],
        "next_after": page.next_after,
        "dropped": page.dropped,
    }
