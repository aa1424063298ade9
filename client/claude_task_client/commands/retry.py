"""Trying an ended task again."""

from __future__ import annotations

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_argument


@athena_command()
@task_argument
@json_option
def command(task_id: int, as_json: bool) -> None:
    """Put a completed, failed or cancelled task back into the queue."""
    task = connect().retry(task_id)
    output.show(task, as_json=as_json, done=f"#{task.id} is {describing.state(task)} again.")
