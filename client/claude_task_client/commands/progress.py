"""How far a task is."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.holding import held
from claude_task_client.options import athena_command, held_argument, json_option

PHASES = ("working", "waiting", "auditing", "testing", "committing")


@athena_command()
@held_argument
@click.option("-p", "--percent", type=click.IntRange(0, 100), help="How much is done.")
@click.option("-m", "--message", help="What is being done now.")
@click.option("--phase", type=click.Choice(PHASES), help="What kind of work it is now.")
@click.option("-n", "--notes", help="Notes to keep with the task.")
@json_option
def command(
    *,
    task_id: int | None,
    percent: int | None,
    message: str | None,
    phase: str | None,
    notes: str | None,
    as_json: bool,
) -> None:
    """Tell how far the task in hand is, and keep the hold on it."""
    if percent is None and not (message or phase or notes):
        raise click.UsageError("Say at least one of --percent, --message, --phase and --notes.")
    now = held(task_id)
    task = now.athena.progress(
        now.id, percent=percent, message=message, phase=phase, notes=notes, attempt=now.attempt
    )
    output.show(task, as_json=as_json, done=f"#{task.id} is {describing.state(task)}.")
