"""Giving a task back until later."""

from __future__ import annotations

from datetime import datetime

import click

from claude_task_client import output
from claude_task_client.holding import ending
from claude_task_client.options import (
    ID_MAX,
    athena_command,
    future,
    held_argument,
    json_option,
)


@athena_command()
@held_argument
@click.option(
    "--until",
    type=future,
    metavar="WHEN",
    help="When it may go on: 30m, 2h, 09:00, tomorrow 09:00, or ISO 8601.",
)
@click.option(
    "--question",
    type=click.IntRange(1, ID_MAX),
    metavar="QUESTION",
    help="It may go on once this question of it is answered.",
)
@click.option("--session", "session_id", metavar="ID", help="The Claude session to go on with.")
@json_option
def command(
    *,
    task_id: int | None,
    until: datetime | None,
    question: int | None,
    session_id: str | None,
    as_json: bool,
) -> None:
    """Give a task back to wait, without a failure: for a time, or for an answer.

    This instance gets it back first.
    """
    if (until is None) == (question is None):
        raise click.UsageError("Say what it waits for: --until or --question, one of them.")
    with ending(task_id) as held:
        task = held.athena.park(
            held.id,
            until=until,
            question=question,
            session_id=session_id,
            attempt=held.attempt,
        )
    waits = f"question {question} is answered" if until is None else output.moment(until)
    output.show(task, as_json=as_json, done=f"Parked #{task.id} until {waits}.")
