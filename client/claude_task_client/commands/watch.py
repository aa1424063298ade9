"""The queue as it moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from claude_task_client import describing, output, settings
from claude_task_client.connection import connect
from claude_task_client.errors import AthenaError
from claude_task_client.options import athena_command, json_option, task_number
from claude_task_client.view import terminal
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
    """Watch the queue, live, until `q` or Ctrl-C.

    On a terminal it shows tasks, instances and questions, which can be answered there; `?` lists
    its keys, and the options restrict the events that it lists. Elsewhere, or with --json, it
    prints a line for each event. A lost connection is made again, and nothing is missed.
    """
    with connect() as athena:
        athena.event_page(limit=1)  # whoever cannot watch at all is told so at once
        if not as_json and terminal.can_be_drawn_on():
            _show(task=task, kind=kind, instance=instance, after=after)
            return
        events = athena.events(
            task=task, kind=kind, instance=instance, after=after, on_lost=_tell_of_loss
        )
        with contextlib.suppress(KeyboardInterrupt):
            _print(events, as_json=as_json)


def _show(**options: Any) -> None:
    """The live view. Raises: Refused, where Athena no longer lets us look."""
    from claude_task_client.view.app import View
    from claude_task_client.view.looking import Options

    told = settings.load()
    terminal.end_with_it()
    view = View(told.url, told.signed_in(), Options(**options))
    # Without the mouse: what is on the screen can be marked and copied as everywhere else.
    view.run(mouse=False)
    if view.failure is not None:
        raise view.failure
    if view.return_code:
        raise SystemExit(view.return_code)


def _print(events: Iterator[Event], *, as_json: bool) -> None:
    for event in events:
        if as_json:
            output.print_json_line(event.raw)
        else:
            output.say(describing.event_line(event))


def _tell_of_loss(error: AthenaError) -> None:
    output.warn(f"{output.line(str(error), None)} Trying again.")
