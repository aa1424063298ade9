"""Giving a task back until later."""

from __future__ import annotations

from datetime import datetime

import click

from claude_task_client import output
from claude_task_client.holding import ending
from claude_task_client.options import athena_command, future, held_argument, json_option


@athena_command()
@held_argument
@click.option(
    "--until",
    type=future,
    metavar="WHEN",
    required=True,
    help="When it may go on: 30m, 2h, 09:00, tomorrow 09:00, or ISO 8601.",
)
@click.option("--session", "session_id", metavar="ID", help="The Claude session to go on with.")
@json_option
def command(task_id: int | None, until: datetime, session_id: str | None, as_json: bool) -> None:
    """Give a task back to wait for a time, without a failure. This instance gets it back first."""
    with ending(task_id) as held:
        task = held.athena.park(held.id, until=until, session_id=session_id, attempt=held.attempt)
    output.show(task, as_json=as_json, done=f"Parked #{task.id} until {output.moment(until)}.")
