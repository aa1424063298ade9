"""Going on with the giving out of tasks."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option


@athena_command()
@click.option("--project", help="Of this project only.")
@click.option("--instance", help="To this instance only.")
@json_option
def command(project: str | None, instance: str | None, as_json: bool) -> None:
    """Give out tasks again after `pause`."""
    answer = connect().resume(project=project, instance=instance)
    if as_json:
        output.print_json(answer)
    else:
        output.say(f"Resumed {output.scope(project, instance)}.")
