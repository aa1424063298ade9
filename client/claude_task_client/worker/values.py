"""What a value in the worker's config file may be, and what to write where it is something else.

Each reader takes what TOML gave and returns what the config holds. Raises: Wrong, whose sentence
goes on behind the name of the setting.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from claude_task_client import clock
from claude_task_client.settings import SLUG
from claude_task_client.worker.path_patterns import compiled

Reader = Callable[[Any], Any]

TEXT_CHARACTERS_MAX: Final = 20_000
DAY_SECONDS: Final = 86_400.0
# A tool by its name, `*` included, and what of it: `Read`, `Bash(make test:*)`, `mcp__github__*`.
TOOL: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\*?(\([^()\n][^\n]*\))?")
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What git takes for the name of a branch or remote, a little stricter: `git check-ref-format`.
REFERENCE: Final = re.compile(r"(?!.*(\.\.|//|@\{|/\.|\.lock(/|$)))[\w][\w./+#@-]*(?<![./])")
# host:path as ssh and git write it; a drive letter is none.
SCP_LIKE: Final = re.compile(r"([\w.-]+@)?[\w.-]{2,}:(?!//)\S+")
BRACED: Final = re.compile(r"\{(\w+)\}")
# The client's own: nothing that runs for a task may act as this worker.
OWN_VARIABLES: Final = "ATHENA_"


class Wrong(ValueError):
    """The value cannot be used; the sentence says what can."""


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Wrong("must be true or false, without quotes")
    return value


def text(value: Any) -> str:
    """One line of text."""
    if not isinstance(value, str):
        raise Wrong("must be a text in quotes")
    if not value.strip():
        raise Wrong("is empty: write a text, or leave the line out")
    if not value.isprintable():
        raise Wrong("has control characters or line ends: write it as one line")
    return value


def whole(low: int, high: int) -> Reader:
    """A whole number within bounds."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"must be a whole number from {low} to {high}")
        return value

    return read


def money(value: Any) -> float:
    """An amount above nothing."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong("must be a number of dollars, such as 2.5")
    if not (math.isfinite(value) and value > 0):
        raise Wrong("must be more than 0: leave the line out where there is no limit")
    return float(value)


def span(low: float, high: float) -> Reader:
    """A length of time in seconds, or as `2h`, `90s`, `1h30m`."""

    def read(value: Any) -> float:
        seconds = _seconds(value)
        if seconds is None:
            raise Wrong('must be a length of time, such as "2h", "90s", "1h30m", or seconds')
        if not low <= seconds <= high:
            raise Wrong(f"must be between {span_text(low)} and {span_text(high)}")
        return seconds

    return read


def one_of(*allowed: str) -> Reader:
    """One of a few words."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise Wrong(f"must be {_either(allowed)}")
        return str(value)

    return read


def path(folder: Path) -> Reader:
    """A folder; relative ones are seen from where the config file is."""

    def read(value: Any) -> Path:
        try:
            return (folder / Path(text(value)).expanduser()).absolute()
        except RuntimeError as error:
            raise Wrong("begins with the home of nobody here: write the whole path") from error

    return read


def each(read_one: Reader) -> Reader:
    """A list, nothing in it twice."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong('must be a list, such as ["a", "b"]')
        found = []
        for number, item in enumerate(value, start=1):
            try:
                found.append(read_one(item))
            except Wrong as error:
                raise Wrong(f"number {number}, {item!r}: {error}") from error
        doubled = sorted({str(item) for item in found if found.count(item) > 1})
        if doubled:
            raise Wrong(f"names {doubled[0]!r} twice: keep one")
        return tuple(found)

    return read


def slug(value: Any) -> str:
    """A label or project, as Athena takes it."""
    if SLUG.fullmatch(text(value)) is None:
        raise Wrong("must be at most 64 letters, digits, '.', '_' and '-', as in macbook-pro")
    return str(value)


def pattern(value: Any) -> str:
    """Which files: a pattern below the repository, as in .gitignore."""
    parts = text(value).split("/")
    if value.startswith("/") or ".." in parts or "\\" in value:
        raise Wrong("must be seen from the top of the repository, with '/', as in .github/**")
    if value.count("[") != value.count("]") or value.startswith("!") or not _compiles(value):
        raise Wrong("is no pattern: that looks like .github/**, *.lock or src/[ab].py")
    return str(value)


def _compiles(value: str) -> bool:
    try:
        compiled([value])
    except re.error:
        return False
    return True


def tool(value: Any) -> str:
    """A tool as Claude Code's own settings name it."""
    if TOOL.fullmatch(text(value)) is None:
        raise Wrong("is no tool of Claude Code: that looks like WebFetch or Bash(make test:*)")
    return str(value)


def variable(value: Any) -> str:
    """The name of an environment variable that a task may see."""
    if VARIABLE.fullmatch(text(value)) is None:
        raise Wrong("is no name of a variable: that looks like NODE_ENV")
    if value.startswith(OWN_VARIABLES):
        raise Wrong("belongs to the worker alone: a task could act as it. Leave it out")
    return str(value)


def environment(value: Any) -> Mapping[str, str]:
    """Variables and their values."""
    if not isinstance(value, dict):
        raise Wrong('must be a table, such as { NODE_ENV = "test" }')
    for name, content in value.items():
        try:
            variable(name)
        except Wrong as error:
            raise Wrong(f"{name!r} {error}") from error
        if not isinstance(content, str) or "\0" in content:
            raise Wrong(f'{name} must be a text in quotes, such as {name} = "1"')
    return dict(value)


def command(value: Any) -> Sequence[str] | str:
    """A program with its arguments as a list, or a line for the shell."""
    if isinstance(value, list):
        return arguments(value)
    if not isinstance(value, str):
        raise Wrong('must be a line such as "make test", or a list such as ["make", "test"]')
    if not value.strip() or "\0" in value:
        raise Wrong("is empty: write a command, or leave the line out")
    return value


def arguments(value: Any) -> Sequence[str]:
    """A program with its arguments."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Wrong('must be a list of texts, such as ["./run", "--fast"]')
    if not value or not value[0].strip() or any("\0" in item for item in value):
        raise Wrong('names no program: write a list such as ["./run", "--fast"]')
    return tuple(value)


def reference(value: Any) -> str:
    """The name of a branch or remote."""
    if REFERENCE.fullmatch(text(value)) is None:
        raise Wrong("is no name that git takes: that looks like main, release/2 or origin")
    return str(value)


def repository(value: Any) -> str:
    """An address to clone from, which holds no secret."""
    parts = urlsplit(text(value))
    if parts.password is not None:
        # It would be in `git remote -v`, in every error, and in this file.
        raise Wrong("holds a password: use SSH, or a credential helper of git, and take it out")
    known = parts.scheme in {"https", "http", "ssh", "git", "file"} and (parts.path or parts.netloc)
    if not (known or SCP_LIKE.fullmatch(value) or value.startswith("/")):
        raise Wrong("is no repository: that looks like git@github.com:you/app.git or https://…")
    return str(value)


def web_address(value: Any) -> str:
    """An address of a web service."""
    parts = urlsplit(text(value))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise Wrong("must be an address such as https://git.example.org, without a user")
    return str(value).rstrip("/")


def template(names: Collection[str]) -> Reader:
    """What is said to Claude, in which these names in braces may stand."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Wrong("must be a text in quotes, with something in it")
        if len(value) > TEXT_CHARACTERS_MAX:
            raise Wrong(f"must be at most {TEXT_CHARACTERS_MAX} characters")
        # A text in which nothing is filled in is said as it stands, single braces and all.
        for name in _fields(value) if names else BRACED.findall(value):
            if name not in names:
                raise Wrong(f"has {{{name}}}, which nothing fills in: {_may_stand(names)}")
        return value

    return read


def fields_of(template_text: str) -> frozenset[str]:
    """The names in braces of a text that is known to be good."""
    return frozenset(_fields(template_text))


def span_text(seconds: float) -> str:
    """A length of time as `span` reads it: `2h`, `90s`."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"


def _fields(value: str) -> list[str]:
    try:
        pieces = list(string.Formatter().parse(value))
    except ValueError as error:
        raise Wrong("has a single brace: write {{ and }} for braces that are meant") from error
    return [
        name + (f"!{conversion}" if conversion else "") + (f":{layout}" if layout else "")
        for _, name, layout, conversion in pieces
        if name is not None
    ]


def _may_stand(names: Collection[str]) -> str:
    if not names:
        return "take it out"
    known = ", ".join(f"{{{name}}}" for name in sorted(names))
    return f"{known} may stand here; write {{{{ and }}}} for braces that are meant"


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    try:
        read = clock.read_span(value) if isinstance(value, str) else None
    except OverflowError:
        return None
    return None if read is None else read.total_seconds()


def _either(words: Sequence[str]) -> str:
    quoted = [f'"{word}"' for word in words]
    return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
