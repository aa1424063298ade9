"""Moving a task up or down."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.connection import connect
from claude_task_client.options import PRIORITIES, athena_command, json_option, task_argument


@athena_command()
@task_argument
@click.argument("level", type=click.Choice(PRIORITIES))
@json_option
def command(task_id: int, level: str, as_json: bool) -> None:
    """Change the priority of a task that has not ended."""
    task = connect().change(task_id, priority=level)
    output.show(task, as_json=as_json, done=f"#{task.id} has priority {task.priority}.")
