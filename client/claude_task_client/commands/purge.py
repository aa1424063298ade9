"""Removing what has ended."""

from __future__ import annotations

import sys
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
    """Remove ended tasks for good. Needs an admin key.

    On a terminal it asks first; in a script, where nobody could answer, it does as it is told.
    """
    which = f"{status or 'ended'} tasks from before {output.moment(before)}"
    # A process may be started without any standard input: then it is None.
    if not yes and sys.stdin and sys.stdin.isatty():
        click.confirm(f"Remove all {which}?", abort=True, err=True)
    deleted = connect().purge(status=status, before=before)
    if as_json:
        output.print_json({"deleted": deleted})
    else:
        output.say(f"Removed {deleted} {which}.")
