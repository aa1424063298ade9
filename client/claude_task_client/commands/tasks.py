"""Tasks by the ids of their documents."""

from __future__ import annotations

import click

from claude_task_client.command_folder import CommandFolder


@click.group(cls=CommandFolder, package="claude_task_client.sources.task_commands")
def command() -> None:
    """Find the task of a document in a source: by its id, with or without the description.

    \b
    As in: task-20261122-120000-fix-the-door
           20261122-120000
    A task's number does as well, as in 12 or #12.
    """  # noqa: D301  click wants the character
