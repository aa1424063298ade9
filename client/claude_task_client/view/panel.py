"""A list with a title, which takes as many lines as it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from claude_task_client.view.drawing import shown
from claude_task_client.view.rows import Row, Rows
from claude_task_client.view.sharing import Wish

TITLE_LINES: Final = 1


class Panel(Rows):
    """Rows below a line with what they are."""

    DEFAULT_CSS = """
    Panel {
        border-top: solid $border-blurred;
        border-title-color: $foreground;
        border-title-style: none;
        &:focus { border-top: solid $border; border-title-style: bold; }
    }
    """

    def __init__(
        self, name: str, title: str, *, least: int, takes_rest: bool = False, hides: bool = False
    ) -> None:
        super().__init__(name)
        self._hides = hides
        self._title = title
        self._least = least
        self._takes_rest = takes_rest
        self.can_focus = False

    def fill(self, rows: Sequence[Row], count: object, remark: str = "") -> None:
        """Show these rows, and say how many there are."""
        words = " ".join(
            filter(None, [self._title, str(count), shown(f"· {remark}") if remark else ""])
        )
        self.border_title = Content(f" {words} ")  # a plain text would be read as markup
        self.can_focus = bool(rows)
        self.show(rows)

    @property
    def wish(self) -> Wish:
        """The lines that it would like to have."""
        if self._hides and not self.line_count:
            return Wish(0, 0)
        least = TITLE_LINES + min(self._least, self.line_count)
        return Wish(least, TITLE_LINES + self.line_count, self._takes_rest)
