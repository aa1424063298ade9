"""The good end of a task."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.holding import ending
from claude_task_client.options import athena_command, held_argument, json_option
from claude_task_client.reading import read_json


@athena_command()
@held_argument
@click.option("-n", "--notes", help="What was done, in a few words.")
@click.option(
    "--result",
    "result_file",
    metavar="FILE",
    help="The result, as a JSON object; - for standard input.",
)
@json_option
def command(task_id: int | None, notes: str | None, result_file: str | None, as_json: bool) -> None:
    """Say that a task is done: the one in hand, or the one with this number."""
    result = None if result_file is None else read_json(result_file)
    with ending(task_id) as held:
        task = held.athena.complete(held.id, notes=notes, result=result, attempt=held.attempt)
    output.show(task, as_json=as_json, done=f"Completed #{task.id}.")
