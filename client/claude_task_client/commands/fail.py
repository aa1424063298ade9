"""The bad end of an attempt."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.holding import ending
from claude_task_client.options import athena_command, held_argument, json_option


@athena_command()
@held_argument
@click.option("-e", "--error", "-n", "--notes", "error", required=True, help="What went wrong.")
@click.option("--no-retry", is_flag=True, help="Do not try again: the task has failed.")
@json_option
def command(task_id: int | None, error: str, no_retry: bool, as_json: bool) -> None:
    """Say that this attempt at a task failed. Athena tries again later while attempts are left."""
    with ending(task_id) as held:
        task = held.athena.fail(
            held.id, error, retry=False if no_retry else None, attempt=held.attempt
        )
    done = f"Attempt {task.attempt} at #{task.id} failed; it is now {describing.state(task)}."
    output.show(task, as_json=as_json, done=done)
