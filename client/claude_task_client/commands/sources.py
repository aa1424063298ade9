"""Folders of task documents."""

from __future__ import annotations

import click

from claude_task_client.command_folder import CommandFolder


@click.group(cls=CommandFolder, package="claude_task_client.sources.commands")
def command() -> None:
    """Watch folders: a Markdown document dropped into one becomes a task.

    Its result and a report come to stand beside it.
    """
