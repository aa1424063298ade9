"""The slash commands and menus, one module each: its `command` is found by `load`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from discord import app_commands

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


def load() -> Iterator[AnyCommand]:
    """Every command of this folder."""
    for module in iter_modules(__path__, f"{__name__}."):
        yield import_module(module.name).command
