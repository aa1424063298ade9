"""Which `claude` is run: the one that was named, the one of PATH, or the one in the Agent SDK."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

VARIABLE: Final = "CLAUDE_CLI_COMMAND"
NAME: Final = "claude"


def find(configured: str | None, environment: Mapping[str, str]) -> Sequence[str] | None:
    """The program, by its whole path, with the arguments that were named; None: there is none."""
    named = environment.get(VARIABLE, "").strip() or configured
    path = environment.get("PATH")
    if named:
        return _named(named, path)
    found = shutil.which(NAME, path=path)
    if found is not None:
        return (str(Path(found).absolute()),)
    bundled = _bundled()
    return None if bundled is None else (str(bundled),)


def wanted(configured: str | None, environment: Mapping[str, str]) -> str:
    """What was looked for, for a person."""
    return environment.get(VARIABLE, "").strip() or configured or f"`{NAME}`"


def _named(command: str, path: str | None) -> Sequence[str] | None:
    """A program's name or path, which may hold spaces, or one with arguments."""
    whole = shutil.which(str(_home(command)), path=path)
    if whole is not None:
        return (str(Path(whole).absolute()),)
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    found = shutil.which(str(_home(words[0])), path=path) if len(words) > 1 else None
    return None if found is None else (str(Path(found).absolute()), *words[1:])


def _home(command: str) -> Path | str:
    if not command.startswith("~"):
        return command
    try:
        return Path(command).expanduser()
    except RuntimeError:
        return command


def _bundled() -> Path | None:
    """The copy in the SDK, which is not imported: that takes a second and 69 MB."""
    found = importlib.util.find_spec("claude_agent_sdk")
    if found is None or not found.submodule_search_locations:
        return None
    program = Path(found.submodule_search_locations[0]) / "_bundled" / NAME
    return program if program.exists() else None
