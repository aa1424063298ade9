"""Everything about a task."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_argument


@athena_command()
@task_argument
@click.option("--history", is_flag=True, help="What happened to it instead of how it is now.")
@json_option
def command(task_id: int, history: bool, as_json: bool) -> None:
    """Show everything about a task."""
    athena = connect()
    if not history:
        task = athena.get(task_id)
        output.print_json(task.raw) if as_json else output.say(describing.text(task))
        return
    page = athena.history(task_id)
    if as_json:
        output.print_json(page.raw)
        return
    for event in page.events:
        output.say(describing.event_line(event))
