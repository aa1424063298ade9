"""Makes a statement for many rows of one for one: its parameters become columns of a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from athena.store.statements import with_parameters

_COMMENT: Final = re.compile(r"^\s*--[^\n]*\n", re.MULTILINE)
_VALUES: Final = re.compile(r"\bVALUES\s*\((?P<values>[^()]*)\)")


def batched(sql: str, rows: str, column: Callable[[str], str], *, insert_end: str) -> str:
    """The named statement, carried out for all of `rows`, which stands as a table in its FROM.

    `column`: what a parameter is called there; `insert_end` ends the SELECT that an INSERT becomes.

    Raises: ValueError, for a statement that is no INSERT of values and no UPDATE with a condition.
    """
    text = with_parameters(_COMMENT.sub("", sql), column)
    if text.startswith("UPDATE"):
        change, where, condition = text.rpartition("\nWHERE ")
        if where:
            return f"{change}\nFROM {rows}{where}{condition}"
    elif text.startswith("INSERT"):
        found = _VALUES.search(text)
        if found:
            chosen = f"{found['values']} FROM {rows} {insert_end}"
            return f"{text[: found.start()]}SELECT {chosen}{text[found.end() :]}"
    raise ValueError(f"this cannot be done for many rows at once: {sql}")
