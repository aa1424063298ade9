"""What came of a task."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.connection import PATIENT_RETRY_SECONDS, RETRY_SECONDS, connect
from claude_task_client.errors import NothingToDo
from claude_task_client.options import athena_command, json_option, task_argument


@athena_command()
@task_argument
@click.option("--wait", is_flag=True, help="Wait until the task has ended.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait at most.",
)
@json_option
def command(task_id: int, wait: bool, timeout: float, as_json: bool) -> None:
    """Print what came of a task. Exit code 4 where it has not ended."""
    athena = connect(retry_seconds=min(timeout, PATIENT_RETRY_SECONDS) if wait else RETRY_SECONDS)
    result = athena.result(task_id, wait=wait, timeout=timeout)
    if result is None:
        raise NothingToDo(
            f"#{task_id} has not ended. See what it waits for: claude-task-client why {task_id}"
        )
    if as_json:
        output.print_json(result.raw)
    else:
        output.say(describing.result_text(result))
