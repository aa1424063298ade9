"""A shell command as words, where the shell would do nothing but split it into them."""

from __future__ import annotations

from typing import Final

# Outside quotes, what makes a shell do something else: join commands, redirect, substitute, group.
_SIGNS: Final = frozenset(";&|<>$`\\(){}\n\r\0")
# In double quotes, what still is replaced.
_REPLACED: Final = frozenset("$`\\\0")


def plain_words(command: str) -> list[str] | None:
    """The words; None where any part of it might mean more than a program and its arguments.

    Wildcards stay as they are: they become arguments, and never commands.
    """
    words: list[str] = []
    word: str | None = None
    quote = ""
    for sign in command.strip(" \t\n"):
        if quote:
            if sign == quote:
                quote = ""
            elif sign == "\0" or (quote == '"' and sign in _REPLACED):
                return None
            else:
                word = f"{word or ''}{sign}"
        elif sign in "'\"":
            quote, word = sign, word or ""
        elif sign in " \t":
            words += [] if word is None else [word]
            word = None
        elif sign in _SIGNS:
            return None
        else:
            word = f"{word or ''}{sign}"
    if quote:
        return None
    return words if word is None else [*words, word]
