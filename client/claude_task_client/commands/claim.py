"""Taking a task."""

from __future__ import annotations

import click

from claude_task_client import describing, output, settings
from claude_task_client.announcing import announce
from claude_task_client.connection import PATIENT_RETRY_SECONDS, RETRY_SECONDS, connect
from claude_task_client.errors import NothingToDo
from claude_task_client.holding import remember
from claude_task_client.options import athena_command, json_option, task_number

FOR_EVER = float("inf")


@athena_command()
@click.argument("task_id", metavar="[ID]", type=task_number, required=False)
@click.option(
    "--wait",
    metavar="[SECONDS]",
    type=click.FloatRange(0),
    is_flag=False,
    flag_value=FOR_EVER,
    help="Wait for a task: so many seconds, or without a number as long as it takes.",
)
@click.option("--label", "labels", multiple=True, help="Also take tasks for this label.")
@click.option("--project", "projects", multiple=True, help="Take tasks of this project only.")
@click.option(
    "--lease",
    "lease_seconds",
    type=click.IntRange(1, 86400),
    metavar="SECONDS",
    help="Hold it for so long without a sign of life (2 hours).",
)
@json_option
def command(
    *,
    task_id: int | None,
    wait: float | None,
    labels: tuple[str, ...],
    projects: tuple[str, ...],
    lease_seconds: int | None,
    as_json: bool,
) -> None:
    """Take a task: the next one that fits, or the one with this number.

    No other instance can take it until you complete, fail, release or park it, or its lease runs
    out.
    """
    if task_id is not None and (wait is not None or labels or projects):
        raise click.UsageError(
            "--wait, --label and --project are for taking the next task: leave out the ID."
        )
    athena = connect(retry_seconds=RETRY_SECONDS if wait is None else PATIENT_RETRY_SECONDS)
    announce(athena, settings.load())
    if task_id is not None:
        task = athena.claim(task_id, lease_seconds=lease_seconds)
    else:
        found = athena.claim_next(
            wait=None if wait == FOR_EVER else wait or 0.0,
            labels=labels or None,
            projects=projects or None,
            lease_seconds=lease_seconds,
        )
        if found is None:
            raise NothingToDo(
                "Nothing to claim. See what waits: claude-task-client list;"
                " wait for a task: claude-task-client claim --wait"
            )
        task = found
    remember(athena, task.id, task.attempt)
    if as_json:
        output.print_json(task.raw)
    else:
        output.say(describing.text(task))
