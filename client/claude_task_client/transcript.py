"""A transcript on the screen: a line each, coloured by its kind where a person reads it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from claude_task_client import clock, output

if TYPE_CHECKING:
    from rich.console import Console

    from claude_task_client.wire import LogLine

COLOURS: Final[Mapping[str, str]] = {
    "tool": "cyan",
    "result": "green",
    "system": "dim",
    "error": "bold red",
    "test": "yellow",
    "git": "magenta",
}
_KIND_WIDTH: Final = 6
_TIME: Final = "%H:%M:%S"


class Screen:
    """Prints lines as they come; whatever a program wrote moves no cursor and sets no colour."""

    def __init__(self) -> None:
        self._attempt: int | None = None
        self._console = _console() if sys.stdout.isatty() else None

    def show(self, line: LogLine) -> None:
        """Print a line; the first of each attempt comes after a heading."""
        if line.attempt != self._attempt:
            self._attempt = line.attempt
            self._print(f"Attempt {line.attempt}", "bold")
        self._print(words(line), COLOURS.get(line.kind, ""))

    def _print(self, text: str, style: str) -> None:
        if self._console is None:
            output.say(text)
            return
        from rich.text import Text

        # As Text nothing in it is markup; soft: the terminal breaks it, and a copy has no breaks.
        self._console.print(Text(text, style=style), soft_wrap=True)


def words(line: LogLine) -> str:
    """The line, what goes on of it indented below its beginning."""
    at = clock.local(line.at).strftime(_TIME) if line.at else "-" * len("00:00:00")
    head = f"{at} {output.line(line.kind):<{_KIND_WIDTH}} "
    return head + output.clean(line.text).replace("\n", "\n" + " " * len(head))


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
