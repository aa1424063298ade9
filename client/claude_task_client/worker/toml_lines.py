"""On which line of a TOML file each of its keys stands, which tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]


class Lines:
    """The lines of a text that tomllib has read without complaint."""

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for number, statement, content in _statements(text):
            is_header = statement.startswith("[")
            paths = list(_paths(content))
            for path in paths:
                self._lines.setdefault(path if is_header else (*table, *path), number)
            table = paths[-1] if is_header else table

    def of(self, path: KeyPath) -> int:
        """The line of a key or table, or that of what it stands in; 1 for the file itself."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def _statements(text: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Each header and each assignment by itself: the fewest lines from its first that parse."""
    pending: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        pending.append(line)
        statement = "\n".join(pending)
        try:
            content = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # its end is on a later line: as a whole, the text is TOML
        if content:
            yield number - len(pending) + 1, statement.lstrip(), content
        pending = []


def _paths(content: Mapping[str, Any]) -> Iterator[KeyPath]:
    """The way to each name in it, tables before what they hold."""
    for name, value in content.items():
        yield (name,)
        if isinstance(value, dict):
            for below in _paths(value):
                yield (name, *below)
