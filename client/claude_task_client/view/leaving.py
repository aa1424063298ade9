"""Screens that one leaves once, however often the key for it is pressed."""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen

Result = TypeVar("Result")


class Leaving(Screen[Result]):
    """A screen that ends itself alone.

    Keys that arrive together are all sent to the screen that was there at the first of them: a
    second `Esc` would end what lies below, and, where nothing does, the whole view.
    """

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """See `Screen`; nothing, once it has been left."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Dialog(Leaving[Result], ModalScreen[Result]):
    """A screen above the others."""
