"""The queue's figures."""

from __future__ import annotations

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option
from claude_task_client.sync import Athena
from claude_task_client.wire import Stats

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
PRIORITIES = ("urgent", "high", "medium", "low")


@athena_command()
@click.option("--detailed", is_flag=True, help="Also each source, lane and instance.")
@json_option
def command(detailed: bool, as_json: bool) -> None:
    """Print how the queue stands: counts, age, instances, throughput and cost.

    With --detailed it goes on with the sources of this machine and their documents, the lanes, and
    the instances.
    """
    athena = connect()
    stats = athena.stats()
    if detailed:
        _tell_all(athena, stats, as_json=as_json)
    elif as_json:
        output.print_json(stats.raw)
    else:
        _tell(stats)


def _tell(stats: Stats) -> None:
    for name, value in _rows(stats):
        output.say(f"{name + ':':<16}{value}")


def _tell_all(athena: Athena, stats: Stats, *, as_json: bool) -> None:
    from claude_task_client import detailing
    from claude_task_client.commands import instances

    detail = detailing.look(athena)
    there = athena.instances()
    if as_json:
        output.print_json({"stats": stats.raw, **detailing.fields(detail), **there.raw})
        return
    _tell(stats)
    detailing.tell(detail)
    output.say("")
    instances.tell(there)


def _rows(stats: Stats) -> list[tuple[str, str]]:
    counts = ", ".join(f"{stats.by_status.get(name, 0)} {name}" for name in STATUSES)
    pending = [
        f"{stats.by_priority[name]} {name}" for name in PRIORITIES if stats.by_priority.get(name)
    ]
    spent = [
        f"{describing.dollars(stats.cost_usd[period])} in {period}"
        for period in _PERIODS
        if stats.cost_usd.get(period)
    ]
    return [
        ("Tasks", counts),
        ("Pending", ", ".join(pending) or "none"),
        ("Oldest pending", output.span(stats.oldest_pending_seconds)),
        (
            "Instances",
            f"{stats.instances.get('online', 0)} of {stats.instances.get('total', 0)} online",
        ),
        (
            "Completed",
            ", ".join(f"{stats.throughput.get(period, 0)} in {period}" for period in _PERIODS),
        ),
        ("Cost", ", ".join(spent) or "none known"),
        ("Median wait", output.span(stats.wait_seconds_p50)),
        ("Median run", output.span(stats.run_seconds_p50)),
    ]


_PERIODS = ("24h", "7d", "30d")
