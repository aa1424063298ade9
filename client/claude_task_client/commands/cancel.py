"""Stopping a task for good."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_argument


@athena_command()
@task_argument
@json_option
def command(task_id: int, as_json: bool) -> None:
    """Cancel a task, pending or running. Whoever works on it is told to stop."""
    task = connect().cancel(task_id)
    output.show(task, as_json=as_json, done=f"Cancelled #{task.id}.")
