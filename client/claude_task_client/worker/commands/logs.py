"""What the worker has written down about its projects."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from claude_task_client import output
from claude_task_client.errors import NothingToDo
from claude_task_client.options import athena_command, json_option
from claude_task_client.worker import project_logs
from claude_task_client.worker.log_reading import Follower, follow, last_lines
from claude_task_client.worker.places import LOGS, Places

LINES_MAX = 100_000


class Log(NamedTuple):
    """A log that is there."""

    project: str
    path: Path


@athena_command()
@click.argument("project", required=False)
@click.option("--errors", is_flag=True, help="Only what went wrong.")
@click.option("-f", "--follow", "goes_on", is_flag=True, help="Go on with what is added.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, LINES_MAX),
    default=50,
    show_default=True,
    help="How many of the last lines.",
)
@json_option
@click.pass_obj
def command(
    places: Places, *, project: str | None, errors: bool, goes_on: bool, lines: int, as_json: bool
) -> None:
    """Show the end of the log of PROJECT, or of all projects together."""
    logs = _logs(places, project, errors=errors)
    if not logs and goes_on and project:
        logs = [_expected(places, project, errors=errors)]
    if not logs:
        _complain(places, project, errors=errors)
    has_several = len({log.project for log in logs}) > 1

    def show(log: Log, line: str) -> None:
        if as_json:
            output.print_json_line({"project": log.project, "line": line})
        else:
            output.say(f"{log.project}: {line}" if has_several else line)

    with contextlib.ExitStack() as opened:
        followers = {
            log.path: opened.enter_context(contextlib.closing(Follower(log.path))) for log in logs
        }
        for log, line in _merged(logs, lines, followers):
            show(log, line)
        if goes_on:
            opened.enter_context(contextlib.suppress(KeyboardInterrupt))
            by_path = {log.path: log for log in logs}
            for path, line in follow(followers):
                show(by_path[path], line)


def _logs(places: Places, project: str | None, *, errors: bool) -> list[Log]:
    ending = project_logs.error_log_path(Path(), "").name if errors else ".log"
    found = []
    for state in places.states():
        for path in sorted((state / LOGS).glob(f"*{ending}")):
            name = path.name.removesuffix(ending)
            if (errors or not name.endswith(".error")) and project in {None, name}:
                found.append(Log(name, path))
    return found


def _expected(places: Places, project: str, *, errors: bool) -> Log:
    path = project_logs.error_log_path if errors else project_logs.log_path
    return Log(project, path(places.state / LOGS, project))


def _complain(places: Places, project: str | None, *, errors: bool) -> None:
    known = sorted({log.project for log in _logs(places, None, errors=False)})
    if errors and (project is None or project in known):
        raise NothingToDo("Nothing went wrong so far.")
    if project and known:
        raise NothingToDo(f"There is no log of {project!r}: there are {', '.join(known)}.")
    raise NothingToDo("There is no log yet: nothing was worked on. Start: claude-task-client work")


def _merged(
    logs: Sequence[Log], count: int, followers: Mapping[Path, Follower]
) -> Sequence[tuple[Log, str]]:
    """The last lines of all, in the order of their times: up to where the followers begin."""
    entries = [
        entry
        for log in logs
        for entry in _entries(log, last_lines(log.path, count, end=followers[log.path].start))
    ]
    entries.sort(key=lambda entry: entry[0])
    lines = [(log, line) for _, log, entry in entries for line in entry]
    return lines[len(lines) - min(len(lines), count) :]


def _entries(log: Log, lines: Sequence[str]) -> Iterator[tuple[str, Log, list[str]]]:
    """Lines with the indented ones that belong to them, and their time."""
    entry: list[str] = []
    for line in lines:
        if entry and not line.startswith(project_logs.INDENT):
            yield entry[0].split(" ", 1)[0], log, entry
            entry = []
        entry.append(line)
    if entry:
        yield entry[0].split(" ", 1)[0], log, entry
