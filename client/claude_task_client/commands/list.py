"""The tasks that wait, or those that the options name."""

from __future__ import annotations

from typing import Any

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.options import PRIORITIES, athena_command, json_option


@athena_command()
@click.option(
    "--status", help="One or several by comma, such as failed or pending,running; or all."
)
@click.option("--project", help="Only this project's.")
@click.option("--target", help="Only those for this instance or label.")
@click.option("--claimed-by", metavar="INSTANCE", help="Only those that this instance took.")
@click.option("--created-by", metavar="NAME", help="Only those that this person submitted.")
@click.option("--priority", type=click.Choice(PRIORITIES), help="Only those of this priority.")
@click.option("--search", "q", metavar="TEXT", help="Only those with this text.")
@click.option("--limit", type=click.IntRange(1, 500), help="How many at most (50).")
@click.option("--cursor", help="Go on where the last page ended.")
@json_option
def command(as_json: bool, **filters: Any) -> None:
    """List tasks: those that wait, in the order in which they will be claimed."""
    page = connect().list(**filters)
    if as_json:
        output.print_json(page.raw)
    elif not page.tasks:
        output.say(
            "No task is pending. Submit one: claude-task-client add"
            if not any(filters.values())
            else "No such task. See all: claude-task-client list --status all"
        )
    else:
        output.table(
            ["ID", "STATUS", "PRIORITY", "PROJECT", "AGE", "DESCRIPTION"],
            [
                [
                    f"#{task.id}",
                    describing.state(task),
                    task.priority,
                    task.project or "-",
                    describing.age(task),
                    task.description,
                ]
                for task in page.tasks
            ],
        )
        if page.next_cursor:
            output.say(f"More: claude-task-client list --cursor {output.line(page.next_cursor)}")
