"""Colours: those of the terminal itself, so that a light one stays light and a dark one dark."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

_OWN: Final = "ansi_default"

TERMINAL: Final = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    accent="ansi_magenta",
    foreground=_OWN,
    background=_OWN,
    surface=_OWN,
    panel=_OWN,
    boost=_OWN,
    variables={
        "ansi-background": _OWN,
        "ansi-foreground": _OWN,
        "border": "ansi_blue",
        "border-blurred": "ansi_bright_black",
        # What is chosen is told from the rest without any colour.
        "block-cursor-foreground": _OWN,
        "block-cursor-background": _OWN,
        "block-cursor-text-style": "reverse",
        "block-cursor-blurred-foreground": _OWN,
        "block-cursor-blurred-background": _OWN,
        "block-cursor-blurred-text-style": "bold",
        "block-hover-background": _OWN,
        "input-cursor-background": _OWN,
        "input-cursor-foreground": _OWN,
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "footer-foreground": _OWN,
        "footer-background": _OWN,
        "footer-item-background": _OWN,
        "footer-key-foreground": "ansi_blue",
        "footer-key-background": _OWN,
        "footer-description-foreground": _OWN,
        "footer-description-background": _OWN,
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": "ansi_bright_black",
        "scrollbar-active": "ansi_bright_black",
        "scrollbar-background": _OWN,
        "scrollbar-background-hover": _OWN,
        "scrollbar-background-active": _OWN,
        "scrollbar-corner-color": _OWN,
    },
)
