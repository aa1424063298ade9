"""The settings at the head of a task document: a little YAML between two lines of dashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from claude_task_client.settings import SLUG
from claude_task_client.sources.documents import DocumentError
from claude_task_client.wire import time_text

if TYPE_CHECKING:
    from yaml.nodes import Node

CHARACTERS_MAX: Final = 4_096
AFTER_MAX: Final = 100  # as many dependencies as Athena takes
PRIORITIES: Final = ("urgent", "high", "medium", "normal", "low")

_FENCE: Final = "---"
_ENDS: Final = ("---", "...")


def split(text: str) -> tuple[str, str, int]:
    """The front matter, what follows it, and the number of the line on which that begins.

    Raises: DocumentError, where it is begun and not ended, or too long.
    """
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return "", text, 1
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() in _ENDS:
            head = "\n".join(lines[1:number])
            if len(head) > CHARACTERS_MAX:
                raise DocumentError(f"the front matter has more than {CHARACTERS_MAX} letters", 1)
            return head, "\n".join(lines[number + 1 :]), number + 2
    raise DocumentError("the front matter that begins here has no end ('---')", 1)


def read(head: str) -> dict[str, Any]:
    """The settings by name, as a `Document` has them. Raises: DocumentError."""
    told: dict[str, Any] = {}
    for name, node, line in _entries(head):
        if name not in _READERS:
            known = ", ".join(_READERS)
            raise DocumentError(f"{name!r} is not known here; known are {known}", line)
        if name in told:
            raise DocumentError(f"a second {name!r}", line)
        try:
            told[name] = _READERS[name](_plain(node))
        except ValueError as error:
            raise DocumentError(f"{name}: {error}", line) from error
    return told


def _entries(head: str) -> Iterator[tuple[str, Node, int]]:
    """Names and values with their lines in the document."""
    import yaml

    try:
        root = yaml.compose(head, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else None
        raise DocumentError(f"the front matter is no YAML: {error.problem}", line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DocumentError("the front matter is no YAML", 1) from error
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise DocumentError("the front matter is no list of settings ('name: value')", 2)
    for key, value in root.value:
        line = key.start_mark.line + 2
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentError("a setting begins with its name", line)
        yield key.value, value, line


def _plain(node: Node) -> object:
    """The value, where it is one or a list of such. Raises: ValueError."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        if len(node.value) > AFTER_MAX:
            raise ValueError(f"more than {AFTER_MAX} entries")
        if all(isinstance(each, yaml.ScalarNode) for each in node.value):
            return [_scalar(each) for each in node.value]
    raise ValueError("this must be a plain value")


def _scalar(node: Node) -> object:
    import yaml

    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except yaml.YAMLError as error:
        raise ValueError("this value cannot be read") from error
    finally:
        loader.dispose()


def _priority(value: object) -> str:
    text = str(value).lower()
    if text not in PRIORITIES:
        raise ValueError(f"{value!r} is none of {', '.join(PRIORITIES)}")
    return text


def _slug(value: object) -> str:
    text = str(value)
    if SLUG.fullmatch(text) is None:
        raise ValueError(f"{text[:80]!r} is no slug: letters, digits, '.', '_' and '-'")
    return text


def _after(value: object) -> tuple[str | int, ...]:
    entries = value if isinstance(value, list) else [value]
    return tuple(_one_after(each) for each in entries)


def _one_after(value: object) -> str | int:
    text = str(value).strip().removeprefix("#")
    if text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0:
        return int(text)
    if isinstance(value, str) and text:
        return text
    raise ValueError(f"{value!r} is neither a document's id nor a task's number")


def _not_before(value: object) -> str:
    try:
        moment = _moment(value)
        # Without a zone it is the time of the machine that reads it, as in the commands.
        return time_text(moment if moment.tzinfo else moment.astimezone())
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{str(value)[:80]!r} is no time such as 2026-12-24T18:00") from error


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    return datetime.fromisoformat(str(value).strip().upper())


_READERS: Final[Mapping[str, Callable[[object], object]]] = {
    "priority": _priority,
    "project": _slug,
    "target": _slug,
    "after": _after,
    "not_before": _not_before,
}
