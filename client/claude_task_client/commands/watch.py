"""The queue as it moves."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_number
from claude_task_client.wire import Event


@athena_command()
@click.option("--task", type=task_number, metavar="ID", help="Only what happens to this task.")
@click.option(
    "--type", "kind", metavar="TYPE", help="Only events of this type, such as task.completed."
)
@click.option("--instance", help="Only what this instance does.")
@click.option(
    "--after",
    type=click.IntRange(0),
    metavar="EVENT",
    help="Start behind this event instead of now; 0: from the first.",
)
@json_option
def command(
    task: int | None, kind: str | None, instance: str | None, after: int | None, as_json: bool
) -> None:
    """Watch the queue, live, until Ctrl-C.

    On a terminal it draws the queue and what happens; elsewhere, or with --json, it prints a line
    for each event. A lost connection is made again, and nothing is missed.
    """
    events = connect().events(task=task, kind=kind, instance=instance, after=after)
    with contextlib.suppress(KeyboardInterrupt):
        if as_json or not sys.stdout.isatty():
            _print(events, as_json=as_json)
        else:
            from claude_task_client.board import Board

            Board(connect(), events).run()


def _print(events: Iterator[Event], *, as_json: bool) -> None:
    for event in events:
        if as_json:
            output.print_json_line(event.raw)
        else:
            output.say(describing.event_line(event))
