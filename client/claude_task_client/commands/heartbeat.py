"""A sign of life, which keeps the hold on what this instance has claimed."""

from __future__ import annotations

import click

from claude_task_client import output, settings
from claude_task_client.announcing import beat
from claude_task_client.connection import connect
from claude_task_client.holding import claims_of, forget
from claude_task_client.options import athena_command, json_option


@athena_command()
@click.option(
    "--label", "labels", multiple=True, help="From now on, tasks for this label fit here."
)
@click.option("--project", "projects", multiple=True, help="From now on, serve this project only.")
@json_option
def command(labels: tuple[str, ...], projects: tuple[str, ...], as_json: bool) -> None:
    """Say that this instance is there, and renew its hold on the tasks that it claimed.

    Labels and projects stay until another heartbeat names others.
    """
    athena = connect()
    answer = beat(
        athena,
        settings.load(),
        attempts=claims_of(athena).all(),
        labels=labels or None,
        projects=projects or None,
    )
    for lost in answer.lost:
        forget(athena, lost.id)
    if as_json:
        output.print_json(answer.raw)
        return
    held = ", ".join(f"#{task}" for task in (*answer.held, *answer.unnamed)) or "no task"
    output.say(f"{athena.instance} is known to Athena and holds {held}.")
    for lost in answer.lost:
        output.warn(
            f"#{lost.id} is no longer held here ({output.line(lost.code)}): stop working on it."
        )
