"""Giving a task back."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.holding import ending
from claude_task_client.options import athena_command, held_argument, json_option


@athena_command()
@held_argument
@json_option
def command(task_id: int | None, as_json: bool) -> None:
    """Give a task back, without a failure: any instance can take it at once."""
    with ending(task_id) as held:
        task = held.athena.release(held.id, attempt=held.attempt)
    output.show(task, as_json=as_json, done=f"Released #{task.id}.")
