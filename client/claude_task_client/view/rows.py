"""A list that draws only the lines that are seen, with a cursor on one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

_CURSOR: Final = Style(reverse=True)
_PLAIN: Final = Style()


@dataclass(frozen=True, slots=True)
class Row:
    """What one thing looks like: so many lines, drawn for a width when they are seen."""

    key: Hashable
    height: int
    draw: Callable[[int], Sequence[Text]]


def strip_of(text: Text, console: Console, width: int, ground: Style) -> Strip:
    """A line of text, so wide; each of its segments has a style, as filters of colour want it."""
    segments = [
        Segment(part, ground + (style or _PLAIN)) for part, style, _ in text.render(console)
    ]
    return Strip(segments).adjust_cell_length(width, ground)


class Rows(ScrollView, can_focus=True):
    """Rows under each other. The cursor stays with its row where others come and go."""

    DEFAULT_CSS = """
    Rows { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000)", "First", show=False),
        Binding("end", "move(1000000)", "Last", show=False),
    ]

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

    class Left(Message):
        """The cursor was moved beyond the first (-1) or the last row (1)."""

        def __init__(self, rows: Rows, direction: int) -> None:
            super().__init__()
            self.rows = rows
            self.direction = direction

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._rows: Sequence[Row] = ()
        self._starts: list[int] = []
        self._lines: list[tuple[int, int]] = []
        self._cursor = 0

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor stands on the last row."""
        return self._cursor >= len(self._rows) - 1

    @property
    def line_count(self) -> int:
        """How many lines all rows have together."""
        return len(self._lines)

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows from now on."""
        before = self.selected
        self._rows = rows
        self._starts = []
        self._lines = []
        for index, row in enumerate(rows):
            self._starts.append(len(self._lines))
            self._lines += [(index, line) for line in range(row.height)]
        self._cursor = self._index_of(before)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self.refresh()
        after = self.selected
        if (before and before.key) != (after and after.key):
            self._reveal()
            self.post_message(self.Moved(self))

    def select(self, index: int) -> None:
        """Put the cursor there, or as near as there is a row."""
        index = max(0, min(index, len(self._rows) - 1))
        if index != self._cursor:
            self._cursor = index
            self.refresh()
            self.post_message(self.Moved(self))
        self._reveal()

    def action_move(self, by: int) -> None:
        """Move the cursor; beyond an end it goes on elsewhere."""
        target = self._cursor + by
        if abs(by) == 1 and not 0 <= target < len(self._rows):
            self.post_message(self.Left(self, by))
            return
        self.select(target)

    def action_page(self, direction: int) -> None:
        """Move the cursor by as much as is seen."""
        seen = max(1, self.scrollable_content_region.height - 1)
        top = self._starts[self._cursor] if self._rows else 0
        line = max(0, min(top + direction * seen, len(self._lines) - 1))
        if self._lines:
            self.select(self._lines[line][0])

    def on_resize(self) -> None:
        """The rows are drawn for the new width, and the cursor stays in sight."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """A line of what is seen."""
        width = self.scrollable_content_region.width
        at = y + self.scroll_offset.y
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        index, line = self._lines[at]
        drawn = self._rows[index].draw(width)
        text = drawn[line] if line < len(drawn) else Text(end="")
        if self.has_focus and index == self._cursor and line == 0:
            text = Text(text.plain, _CURSOR, end="")  # colours would show as patches
            return strip_of(text, self.app.console, width, _CURSOR)
        return strip_of(text, self.app.console, width, self.rich_style)

    def _index_of(self, row: Row | None) -> int:
        if row is not None:
            near = self._rows[self._cursor : self._cursor + 1]
            if near and near[0].key == row.key:
                return self._cursor
            for index, each in enumerate(self._rows):
                if each.key == row.key:
                    return index
        return max(0, min(self._cursor, len(self._rows) - 1))

    def _reveal(self) -> None:
        if self._rows:
            top = self._starts[self._cursor]
            width = self.scrollable_content_region.width
            region = Region(0, top, width, self._rows[self._cursor].height)
            self.scroll_to_region(region, animate=False, force=True)
