"""The end of services."""

from __future__ import annotations

import os

import click

from claude_task_client import output
from claude_task_client.errors import BadSettings, NothingToDo
from claude_task_client.options import athena_command, json_option
from claude_task_client.worker import installing


@athena_command()
@click.argument("projects", metavar="[PROJECT]...", nargs=-1)
@click.option("--system", is_flag=True, help="Services of the system, as root; not your own.")
@json_option
def command(*, projects: tuple[str, ...], system: bool, as_json: bool) -> None:
    """End the services of these projects, or of all, and remove what `work install` wrote.

    What they worked on stays, and so do logs and config.
    """
    if system and os.geteuid() != 0:
        raise BadSettings("Only root removes units of the system: put sudo in front.")
    there = installing.installed(is_system=system)
    unknown = [name for name in projects if name not in there]
    if unknown or not there:
        known = f"there are {', '.join(there)}" if there else "there is none"
        raise NothingToDo(f"There is no service {' or '.join(unknown) or 'to remove'}: {known}.")
    removed = installing.uninstall(list(dict.fromkeys(projects)) or there, is_system=system)
    if as_json:
        output.print_json({"removed": [str(path) for path in removed]})
        return
    for path in removed:
        output.say(f"Removed {path}")
