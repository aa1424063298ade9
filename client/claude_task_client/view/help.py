"""Every key, and what it does."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from claude_task_client.view.leaving import Dialog
from claude_task_client.view.menu import DIALOG_CSS

KEYS: Final = (
    ("↑ ↓ j k Home End", "move, also from one list to the next"),
    ("PgUp PgDn Tab", "a screen back, on; the next list"),
    ("Enter", "all about the task; answer the question"),
    ("l", "the task's log, as it grows"),
    ("a", "answer the question; else the oldest one"),
    ("c", "cancel the task (asks first)"),
    ("r", "try an ended task again (asks first)"),
    ("+", "give the task another priority"),
    ("p", "pause or resume queue, project, instance"),
    ("/", "only tasks with some words; Esc: all again"),
    ("? q", "these keys; quit"),
)


class Help(Dialog[None]):
    """Goes with Esc, and with the keys that brought it or would end the view."""

    DEFAULT_CSS = "Help {" + DIALOG_CSS + "VerticalScroll { height: auto; max-height: 90%; } }"
    AUTO_FOCUS = "*"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Back")
    ]

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        with VerticalScroll(classes="dialog"):
            yield Static(Text("Keys", "bold"))
            for keys, does in KEYS:
                yield Static(Text.assemble((f"{keys:<19}", "bold blue"), does))
            yield Static(Text("Esc: back", "dim"))
