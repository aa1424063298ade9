"""What the commands print: JSON as Athena sent it, or plain text that no task can break out of."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from claude_task_client import clock

if TYPE_CHECKING:
    from claude_task_client.transport import Json
    from claude_task_client.wire import Task

LINE_CHARACTERS_MAX: Final = 80

# Control characters could move the cursor, retitle the window or hide text; those that turn the
# direction of writing could show one thing and mean another.
_CONTROLS: Final = [*range(0x20), *range(0x7F, 0xA0)]
_DIRECTIONS: Final = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_VISIBLE: Final = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS if chr(code) not in "\n\t"},
    **{code: f"\\u{code:04x}" for code in [*_DIRECTIONS, 0x2028, 0x2029]},
}
_JSON_VISIBLE: Final = {code: f"\\u{code:04x}" for code in _VISIBLE}


def clean(text: str) -> str:
    """The text with every control character made visible; line ends and tabs stay."""
    return text.replace("\r\n", "\n").translate(_VISIBLE)


def line(text: str, length: int | None = LINE_CHARACTERS_MAX) -> str:
    """The text as one line, cut where it is longer than `length`."""
    flat = clean(" ".join(text.split()))
    return flat if length is None or len(flat) <= length else flat[: length - 1].rstrip() + "…"


def say(text: str) -> None:
    """Print on standard output."""
    click.echo(text)


def warn(text: str) -> None:
    """Print on standard error."""
    click.echo(text, err=True)


def print_json(answer: Json) -> None:
    """An answer of the API, as it is: over several lines where a person reads it."""
    _print_json(answer, indent=2 if sys.stdout.isatty() else None)


def print_json_line(answer: Json) -> None:
    """One of many answers, each on a line of its own."""
    _print_json(answer, indent=None)


def show(task: Task, *, as_json: bool, done: str) -> None:
    """What a command did: the task as JSON, or a sentence."""
    if as_json:
        print_json(task.raw)
    else:
        say(done)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings: drawn on a terminal, aligned by spaces elsewhere."""
    texts = [[line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, texts)
        return
    widths = [max(len(row[i]) for row in [columns, *texts]) for i in range(len(columns))]
    for row in [columns, *texts]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        say("  ".join(cells).rstrip())


def moment(at: datetime | None) -> str:
    """A time as it is on this machine's clocks."""
    if not isinstance(at, datetime):
        return "-"
    return clock.local(at).strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: `2 h 5 min`."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    first = next((i for i, (count, _) in enumerate(parts) if count), 3)
    shown = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(shown) or "0 s"


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*[Text(cell) for cell in row])  # Text: no markup, links or emoji codes in it
    Console().print(drawn)


def _print_json(answer: Json, *, indent: int | None) -> None:
    text = json.dumps(answer, indent=indent, ensure_ascii=False)
    # Such characters stand inside texts alone, where an escape means the same.
    click.echo(text.translate(_JSON_VISIBLE))


def scope(project: str | None, instance: str | None) -> str:
    """What a pause is about."""
    named = [
        f"project {project}" if project else "",
        f"instance {instance}" if instance else "",
    ]
    return line(" and ".join(filter(None, named)) or "the whole queue")
