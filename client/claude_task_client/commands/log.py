"""The transcript of a task."""

from __future__ import annotations

import contextlib

import click

from claude_task_client import describing, output
from claude_task_client.connection import connect
from claude_task_client.errors import AthenaError
from claude_task_client.options import athena_command, json_option, task_argument
from claude_task_client.sync import Athena
from claude_task_client.transcript import Screen
from claude_task_client.transport import Json
from claude_task_client.wire import LogPage

PAGE = 500  # lines that Athena gives at once
LINES_MAX = 100_000


@athena_command()
@task_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the task has ended.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, LINES_MAX),
    default=50,
    show_default=True,
    help="How many of the last lines to begin with.",
)
@json_option
def command(task_id: int, follow: bool, lines: int, as_json: bool) -> None:
    """Print what was done in a task: Claude's words, its tools, tests, commits.

    With --follow it goes on with each new line, over lost connections and restarts of Athena, and
    ends with the task, whatever became of it; Ctrl-C ends it as well.
    """
    athena = connect()
    page = _end(athena, task_id, lines)
    shown = page.lines[-lines:] if lines else ()
    screen = Screen()
    if as_json and not follow:
        output.print_json(page.raw)
        return
    if not as_json:
        _introduce(task_id, page, follow=follow)
    with contextlib.suppress(KeyboardInterrupt):
        for line in shown:
            output.print_json_line(line.raw) if as_json else screen.show(line)
        if follow:
            _follow(athena, task_id, page, None if as_json else screen)


def _end(athena: Athena, task_id: int, lines: int) -> LogPage:
    """So many of the last lines, and one at least: by it the end of the transcript is known."""
    page = athena.log(task_id, tail=min(max(lines, 1), PAGE))
    if lines <= PAGE or len(page.lines) < PAGE:
        return page
    first, last = page.lines[0].id, page.lines[-1].id
    after = max(0, last - lines)
    before: list[Json] = []
    while after < first - 1:
        part = athena.log(task_id, after=after, limit=PAGE).lines
        before += [line.raw for line in part if line.id < first]
        after = part[-1].id if part else last
    return LogPage.read({**page.raw, "lines": before + [line.raw for line in page.lines]})


def _introduce(task_id: int, page: LogPage, *, follow: bool) -> None:
    if not page.lines:
        waiting = " Waiting for the first line." if follow else ""
        output.warn(f"Nothing is recorded of #{task_id} yet.{waiting}")
    elif page.dropped:
        output.warn(f"The oldest {page.dropped} lines of #{task_id} are not kept any more.")


def _follow(athena: Athena, task_id: int, page: LogPage, screen: Screen | None) -> None:
    after = page.lines[-1].id if page.lines else page.next_after or 0
    for line in athena.follow_log(task_id, after=after, on_lost=_tell_of_loss):
        output.print_json_line(line.raw) if screen is None else screen.show(line)
    if screen is None:
        return
    with contextlib.suppress(AthenaError):  # all of it was shown: how it ended is a bonus
        output.warn(f"#{task_id} is {describing.state(athena.get(task_id))}.")


def _tell_of_loss(error: AthenaError) -> None:
    output.warn(f"{output.line(str(error), None)} Trying again.")
