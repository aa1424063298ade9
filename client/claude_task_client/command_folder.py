"""A group of commands: finds the one that was asked for, and imports it alone."""

from __future__ import annotations

import importlib
from typing import Any

import click

from claude_task_client.options import AthenaCommand


class CommandFolder(AthenaCommand, click.Group):
    """Each command is the file of its name in a package's folder, and is called `command` there."""

    def __init__(self, *args: Any, package: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._package = package

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        from pathlib import Path

        (folder,) = importlib.import_module(self._package).__path__
        return sorted(file.stem for file in Path(folder).glob("*.py") if file.stem != "__init__")

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if not cmd_name.isalpha():
            return None
        name = f"{self._package}.{cmd_name}"
        try:
            command: click.Command = importlib.import_module(name).command
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            return None
        command.name = cmd_name
        return command
