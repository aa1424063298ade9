"""The plugin for Claude Code: a group of commands."""

from __future__ import annotations

import click

from claude_task_client.command_folder import CommandFolder


@click.group(cls=CommandFolder, package="claude_task_client.plugin.commands")
def command() -> None:
    """Bring Athena into Claude Code: what waits at the start, commands, tools, and heartbeats."""
