"""A few choices to take one of, by its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from claude_task_client.view.leaving import Dialog

DIALOG_CSS = """
    align: center middle;
    background: transparent;
    .dialog {
        width: 90%; max-width: 100; height: auto; max-height: 90%;
        border: round $primary; padding: 0 1; background: $background;
    }
    OptionList, OptionList:focus {
        height: auto; max-height: 60%; border: none; padding: 0; background: $background;
    }
    .hint { color: $foreground; text-style: dim; }
"""


class Choice(NamedTuple):
    """What can be taken, and the key that takes it; without one the arrows lead to it."""

    key: str
    label: str
    value: str


class Choices(OptionList):
    """Options of which none is highlighted beforehand: a key pressed too much takes nothing."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__(*map(_option, choices))

    def on_mount(self, event: events.Mount | None = None) -> None:
        """The usual way would highlight the first."""
        if event is not None:
            event.prevent_default()
        super().on_mount()
        self.highlighted = None


class Menu(Dialog[str | None]):
    """Asks for one of some choices; None where none is taken."""

    DEFAULT_CSS = "Menu {" + DIALOG_CSS + "}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Back")]

    def __init__(self, title: str, choices: Sequence[Choice], *, body: str = "") -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._choices = choices

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        with Vertical(classes="dialog"):
            yield Static(Text(self._title, "bold"))
            if self._body:
                yield Static(Text(self._body))
            yield Choices(self._choices)
            yield Static("Esc: back", classes="hint", markup=False)

    def on_key(self, event: events.Key) -> None:
        """A choice's key takes it."""
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter takes the one that is highlighted."""
        self.dismiss(self._choices[event.option_index].value)


def _option(choice: Choice) -> Option:
    """The choice as an option: its label is no markup."""
    return Option(Text.assemble((f" {choice.key or ' '} ", "bold blue"), " ", choice.label))
