"""Every key, and what it does."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from claude_task_client.view.menu import DIALOG_CSS

KEYS: Final = (
    ("↑ ↓ j k PgUp PgDn Home End", "move in a list, and from one to the next"),
    ("Tab Shift+Tab", "the next list, the one before"),
    ("Enter", "everything about the task; answer the question"),
    ("l", "the task's log, as it grows (End: follow)"),
    ("a", "answer the selected question, else the oldest one"),
    ("c", "cancel the task (asks first)"),
    ("r", "try an ended task again (asks first)"),
    ("+", "give a task another priority"),
    ("p", "pause or resume: the queue, the project, the instance"),
    ("/", "only tasks with these words (Esc: all again)"),
    ("? q", "this help; quit"),
)


class Help(ModalScreen[None]):
    """Goes with any key that is no scrolling."""

    DEFAULT_CSS = "Help {" + DIALOG_CSS + "VerticalScroll { height: auto; max-height: 90%; } }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Back")
    ]

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        with VerticalScroll(classes="dialog"):
            yield Static(Text("Keys", "bold"))
            for keys, does in KEYS:
                yield Static(Text.assemble((f"{keys:<28}", "bold blue"), does))
            yield Static(Text("Esc: back", "dim"))
