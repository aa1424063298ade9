"""A line across the whole screen."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from claude_task_client.view.drawing import fitted


class Bar(Widget):
    """A line of words on a ground of its own, as wide as the screen is at the moment."""

    DEFAULT_CSS = "Bar { height: 1; }"

    def __init__(self, words: str = "", *, name: str | None = None, style: str = "reverse") -> None:
        super().__init__(id=name)
        self._words = words
        self._ground = style

    def say(self, words: str) -> None:
        """Show these words."""
        if words != self._words:
            self._words = words
            self.refresh()

    def render(self) -> Text:
        """See `Widget`."""
        return Text(fitted(f" {self._words}", self.size.width), self._ground, no_wrap=True, end="")
