"""Removing what has ended."""

from __future__ import annotations

from datetime import datetime

import click

from claude_task_client import output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, past


@athena_command()
@click.option("--status", help="One or several by comma: completed, failed, cancelled (all three).")
@click.option(
    "--before",
    type=past,
    metavar="WHEN",
    required=True,
    help="Those that ended before: 30d (ago), or ISO 8601.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
def command(status: str | None, before: datetime, yes: bool, as_json: bool) -> None:
    """Remove ended tasks for good. Needs an admin key."""
    which = f"{status or 'ended'} tasks from before {output.moment(before)}"
    if not yes:
        click.confirm(f"Remove all {which}?", abort=True, err=True)
    answer = connect().purge(status=status, before=before)
    if as_json:
        output.print_json(answer)
    else:
        output.say(f"Removed {answer.get('deleted', 'the')} {which}.")
