"""The task that this instance would get."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.errors import NothingToDo
from claude_task_client.options import athena_command, json_option


@athena_command()
@click.option("--label", "labels", multiple=True, help="As an instance with this label.")
@click.option("--project", "projects", multiple=True, help="As an instance for this project.")
@json_option
def command(labels: tuple[str, ...], projects: tuple[str, ...], as_json: bool) -> None:
    """Show the task that a claim would take now; take nothing."""
    task = connect().next(labels=labels or None, projects=projects or None)
    if task is None:
        raise NothingToDo(
            "Nothing to claim. See what waits: claude-task-client list;"
            " submit a task: claude-task-client add"
        )
    if as_json:
        output.print_json(task.raw)
    else:
        output.say(describing.text(task))
