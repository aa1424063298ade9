"""What this instance could claim, in a line: for the start of every Claude Code session.

It imports neither the Python classes nor anything that draws, and all of it ends in two seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click

from claude_task_client import output, settings
from claude_task_client.errors import AthenaError, Unreachable
from claude_task_client.http import HttpTransport
from claude_task_client.options import athena_command, json_option
from claude_task_client.transport import Call, Json, wrong_shape

# Of the 2 s in all; the rest is for starting Python on a slow machine.
LOOK_SECONDS: Final = 1.5
# More is not counted but shown as `500+`: the longest page that Athena gives.
COUNTED_MAX: Final = 500
CLAIMS_SHOWN_MAX: Final = 5


class Found(NamedTuple):
    """What `next` would give, how many there are like it, and what this instance has in hand."""

    next: Json | None
    pending: int
    is_more: bool
    claims: list[Json]


@athena_command()
@click.option("--strict", is_flag=True, help="Exit 1 where Athena does not answer.")
@json_option
@click.pass_context
def command(ctx: click.Context, strict: bool, as_json: bool) -> None:
    """Say in a line what this instance could claim; nothing where there is nothing.

    Meant for the start of a session: it takes 2 seconds at most, and where Athena is away it says
    so on standard error and still exits 0.
    """
    try:
        found = within(LOOK_SECONDS, look)
    except AthenaError as error:
        # One line, whatever the reason: this stands at the top of somebody's session.
        output.warn(f"Athena: {output.line(str(error), None)}")
        ctx.exit(1 if strict else 0)
    if as_json:
        output.print_json({"pending": found.pending, "next": found.next, "claims": found.claims})
    else:
        tell(found)


def look() -> Found:
    """Ask Athena, over one connection."""
    told = settings.load()
    transport = HttpTransport(told.url, told.signed_in(), timeout_seconds=LOOK_SECONDS)

    def get(path: str, **query: str) -> Json | None:
        return transport.send_once(Call("GET", path, query)).body

    def get_list(name: str, path: str, **query: str) -> list[Any]:
        items = (get(path, **query) or {}).get(name)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise wrong_shape(told.url, name)
        return items

    try:
        first = get("/api/tasks/next", instance=told.instance)
        if first is not None and not ("id" in first and "description" in first):
            raise wrong_shape(told.url, "description")
        claims = get_list("tasks", "/api/tasks", status="in_progress", claimed_by=told.instance)
        if first is None:
            return Found(None, 0, False, claims)
        page = get_list("tasks", "/api/tasks", status="pending", limit=str(COUNTED_MAX))
        fits = _fitting(told.instance, get_list("instances", "/api/instances"))
        # `next` was asked a moment earlier than the rest: it is one in any case.
        return Found(first, max(1, sum(map(fits, page))), len(page) == COUNTED_MAX, claims)
    finally:
        transport.drop()


def tell(found: Found) -> None:
    """Print what was found."""
    if found.next is not None:
        count = f"{found.pending}{'+' if found.is_more else ''}"
        output.say(f"{count} task(s) pending - Next: {_named(found.next)}")
    for task in found.claims[:CLAIMS_SHOWN_MAX]:
        output.say(
            f"In progress here: {_named(task)}"
            f" - when done: claude-task-client complete {output.line(str(task.get('id')))}"
        )
    more = len(found.claims) - CLAIMS_SHOWN_MAX
    if more > 0:
        output.say(f"and {more} more in progress here: claude-task-client list --status running")


def within(seconds: float, work: Callable[[], Found]) -> Found:
    """Do the work, but not for longer: a name that does not resolve can take half a minute.

    Raises: Unreachable when the time is over. The thread is a daemon, so that it keeps no process.
    """
    outcome: list[Found | Exception] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:  # noqa: BLE001  raised again by the caller
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise Unreachable("no answer in time.")
    [result] = outcome
    if isinstance(result, Exception):
        raise result
    return result


def _fitting(instance: str, instances: list[Any]) -> Callable[[Json], bool]:
    """Whether a pending task could be claimed here: it is ready, and target and project fit."""
    own: Json = next((each for each in instances if each.get("instance") == instance), {})
    names = {None, instance, *_names(own.get("labels"))}
    projects = _names(own.get("projects"))

    def fits(task: Json) -> bool:
        return (
            task.get("readiness") == "ready"
            and task.get("target") in names
            and (not projects or task.get("project") in projects)
        )

    return fits


def _names(value: object) -> set[str]:
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _named(task: Json) -> str:
    return output.line(f"#{task.get('id')} {task.get('description')}")
