"""Values as Athena takes them: without what no store keeps, and cut to what fits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


def cleaned(value: Any) -> Any:
    """A JSON value without NUL and lone surrogates: a program may print anything."""
    return _each_text(value, _cleaned_text)


def cut(value: Any, characters: int) -> Any:
    """A JSON value in which no text is longer than this."""
    return _each_text(value, lambda text: shortened(text, characters))


def shortened(text: str, characters: int) -> str:
    """The beginning of a text, and how long it was."""
    if len(text) <= characters:
        return text
    mark = f" … ({len(text)} characters)"
    return text[: max(characters - len(mark), 0)] + mark


def size_of(value: object) -> int:
    """How many bytes a value takes in a request."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _cleaned_text(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): _each_text(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value
