"""Submitting a task."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from claude_task_client import describing, output
from claude_task_client.connection import PATIENT_RETRY_SECONDS, connect
from claude_task_client.options import PRIORITIES, athena_command, future, json_option, task_number
from claude_task_client.reading import STANDARD_INPUT, read_text


@athena_command()
@click.argument("words", metavar="[DESCRIPTION]", nargs=-1)
@click.option(
    "--file",
    "-f",
    "source",
    metavar="FILE",
    help="Read the description from a file; - for standard input.",
)
@click.option("--project", "-p", help="The project that it belongs to.")
@click.option("--target", "-t", metavar="INSTANCE", help="The instance or label that it is for.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="How urgent it is (medium).")
@click.option("--lane", help="Tasks of a lane run one after another.")
@click.option(
    "--after",
    type=task_number,
    multiple=True,
    metavar="ID",
    help="Not before this task is completed; several times if need be.",
)
@click.option(
    "--not-before",
    type=future,
    metavar="WHEN",
    help="Not before 30m, 2h, 09:00, tomorrow 09:00, or ISO 8601.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for its end and print the result; exit 1 where it did not succeed.",
)
@json_option
def command(
    *,
    words: tuple[str, ...],
    source: str | None,
    project: str | None,
    target: str | None,
    priority: str | None,
    lane: str | None,
    after: tuple[int, ...],
    not_before: datetime | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a task: the text as an argument, from --file, or on standard input."""
    description = _description(words, source)
    task = connect().submit(
        description,
        project=project,
        target=target,
        priority=priority,
        lane=lane,
        depends_on=after or None,
        not_before=not_before,
    )
    if not wait:
        output.show(task, as_json=as_json, done=f"Submitted #{task.id}.")
        return
    output.warn(f"Submitted #{task.id}; waiting for its end.")
    patient = connect(retry_seconds=PATIENT_RETRY_SECONDS)
    result = patient.result(task.id, wait=True, timeout=None)
    assert result is not None  # noqa: S101  without a timeout there is always one
    if as_json:
        output.print_json(result.raw)
    else:
        output.say(describing.result_text(result))
    if not result.success:
        raise SystemExit(1)


def _description(words: tuple[str, ...], source: str | None) -> str:
    if words and source is not None:
        raise click.UsageError("Give the description as an argument or with --file, not both.")
    if words:
        text = read_text(STANDARD_INPUT) if words == (STANDARD_INPUT,) else " ".join(words)
    elif source is not None:
        text = read_text(source)
    elif sys.stdin.isatty():
        raise click.UsageError(
            'No description. Give one: claude-task-client add "Deploy new service"'
        )
    else:
        text = read_text(STANDARD_INPUT)
    if not text.strip():
        raise click.UsageError("The description is empty.")
    return text
