"""A folder that is watched from now on."""

from __future__ import annotations

from pathlib import Path

import click

from claude_task_client import output
from claude_task_client.options import athena_command, json_option
from claude_task_client.sources import adding, showing


@athena_command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "source_id", metavar="ID", help="What to call it (the folder's name).")
@click.option("--project", metavar="NAME", help="Its tasks belong to this project.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--poll", is_flag=True, help="Look into it regularly: the system tells no changes.")
@json_option
def command(
    *,
    path: Path,
    source_id: str | None,
    project: str | None,
    description: str | None,
    poll: bool,
    as_json: bool,
) -> None:
    """Watch the folder at PATH, as a source of tasks that are done one after another.

    The folders that documents go through are made in it; nothing else in it is touched.
    """
    source = adding.add(
        path, source_id=source_id, project=project, description=description, is_polled=poll
    )
    if as_json:
        output.print_json(showing.fields(source))
        return
    output.say(f"Added {source.id}: {showing.path(source)}")
    showing.tell_how_to_begin([source])
