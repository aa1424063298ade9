"""Who is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from claude_task_client import clock, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option
from claude_task_client.wire import Instance, InstanceList


@athena_command()
@json_option
def command(as_json: bool) -> None:
    """List the instances: who is online, and what each holds."""
    answer = connect().instances()
    if as_json:
        output.print_json(answer.raw)
    else:
        tell(answer)


def tell(answer: InstanceList) -> None:
    """Who is there, for people."""
    if not answer.instances:
        output.say("No instance yet. Make this one known: claude-task-client heartbeat")
    else:
        output.table(
            ["INSTANCE", "NAME", "ONLINE", "LAST SEEN", "LABELS", "PROJECTS", "TASKS"],
            [_row(each) for each in answer.instances],
        )
        for each in answer.instances:
            for trouble in _troubles(each) if each.online else ():
                output.say(output.line(f"{each.instance} {trouble}", None))


def _troubles(each: Instance) -> Iterator[str]:
    """Why an instance that is there claims nothing, by its own word."""
    health = each.health
    if health is None:
        return
    if health.ok is False:
        yield f"is sick, and claims nothing: {health.message or 'it does not say why'}"
    elif isinstance(sick := health.raw.get("sick_projects"), list) and sick:
        yield f"cannot work on {', '.join(map(str, sick))}: {health.message}"
    limited = health.limited_until
    if isinstance(limited, datetime) and limited > clock.now():
        yield f"is held back by a usage limit until {output.moment(limited)}"


def _row(each: Instance) -> list[str]:
    seen = "-"
    if each.last_seen is not None:
        seen = output.span((clock.now() - each.last_seen).total_seconds()) + " ago"
    return [
        each.instance,
        each.name or "-",
        "yes" if each.online else "no",
        seen,
        ", ".join(each.labels) or "-",
        ", ".join(each.projects) or "-",
        ", ".join(f"#{task}" for task in each.tasks) or "-",
    ]
