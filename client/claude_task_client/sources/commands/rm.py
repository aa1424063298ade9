"""A source that is watched no longer."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.options import athena_command, json_option
from claude_task_client.sources import registry, showing


@athena_command()
@click.argument("source_id", metavar="ID")
@json_option
def command(source_id: str, as_json: bool) -> None:
    """Take a source off the list. Its files stay where they are."""
    gone = registry.remove(source_id)
    if as_json:
        output.print_json(showing.fields(gone))
        return
    output.say(f"{gone.id} is watched no longer. All files stay in {showing.path(gone)}.")
    output.say(f"To have it back: {showing.add_command(gone)}")
