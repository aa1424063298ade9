"""Patterns of paths, as in .gitignore: `*` within a name, `**` across folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_PARTS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^]]+\]|[^*?\[]+|\[")
_MEANINGS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "[": r"\["}


def compiled(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    """Patterns ready to match whole paths, seen from the top of the repository.

    One without a slash holds in every folder; one that fits a folder holds for all below it.
    Case is ignored, since the file systems of some machines ignore it.
    """
    return [re.compile(_meaning(pattern), re.IGNORECASE) for pattern in patterns]


def fits(path: str, patterns: Iterable[re.Pattern[str]]) -> bool:
    """Whether one of them fits the path."""
    return any(pattern.fullmatch(path) for pattern in patterns)


def _meaning(pattern: str) -> str:
    body = pattern.strip("/")
    anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
    return f"{anywhere}{''.join(_part(part) for part in _PARTS.findall(body))}(?:/.*)?"


def _part(part: str) -> str:
    if part in _MEANINGS:
        return _MEANINGS[part]
    if part.startswith("["):
        return part.replace("[!", "[^", 1).replace("\\", r"\\")
    return re.escape(part)
