"""What this instance could claim, in a line: for the start of every Claude Code session.

It imports neither the Python classes nor anything that draws, and all of it ends in two seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click

from claude_task_client import output, settings
from claude_task_client.errors import AthenaError, Unreachable
from claude_task_client.http import HttpTransport
from claude_task_client.options import athena_command, json_option
from claude_task_client.transport import Call, Json, wrong_shape

# Of 2 s in all. Starting Python counts: on a small machine it takes a good part of them.
SECONDS_IN_ALL: Final = 1.8
LOOK_SECONDS_MIN: Final = 0.5
# More is not counted but shown as `500+`: the longest page that Athena gives.
COUNTED_MAX: Final = 500
CLAIMS_SHOWN_MAX: Final = 5
PROJECTS_ASKED_MAX: Final = 10


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
        seconds = max(LOOK_SECONDS_MIN, SECONDS_IN_ALL - time.process_time())
        found = within(seconds, look)
    except AthenaError as error:
        # One line, whatever the reason: this stands at the top of somebody's session.
        output.warn(f"Athena: {output.line(str(error), None)}")
        ctx.exit(1 if strict else 0)
    if as_json:
        output.print_json({"pending": found.pending, "next": found.next, "claims": found.claims})
    else:
        tell(found)


def look() -> Found:
    """Ask Athena, over one connection: two requests where nothing waits, else a few more."""
    told = settings.load()
    transport = HttpTransport(told.url, told.signed_in(), timeout_seconds=SECONDS_IN_ALL)
    try:
        return _look(Questions(transport, told.instance))
    finally:
        transport.drop()


class Questions(NamedTuple):
    """The requests of `check`, in this instance's name. Raises: Refused, Unreachable."""

    transport: HttpTransport
    instance: str

    def next(self, **query: str) -> Json | None:
        """The task that a claim would get."""
        call = Call("GET", "/api/tasks/next", {"instance": self.instance, **query})
        task = self.transport.send_once(call).body
        if task is not None and not ("id" in task and "description" in task):
            raise wrong_shape(self.transport.url, "description")
        return task

    def list(self, name: str, path: str, **query: str) -> list[Any]:
        """The objects under `name` in the answer."""
        items = (self.transport.send_once(Call("GET", path, query)).body or {}).get(name)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise wrong_shape(self.transport.url, name)
        return items


def _look(ask: Questions) -> Found:
    first = ask.next()
    claims = ask.list("tasks", "/api/tasks", status="in_progress", claimed_by=ask.instance)
    if first is None:
        return Found(None, 0, False, claims)
    page = ask.list("tasks", "/api/tasks", status="pending", limit=str(COUNTED_MAX))
    fits = _fitting(ask.instance, ask.list("instances", "/api/instances"))
    projects = [_text(task, "project") for task in page if fits(task)]
    # What Athena would give out shows that its project is not paused; of others she is asked.
    others = sorted({each for each in projects if each} - {_text(first, "project")})
    paused = {each for each in others[:PROJECTS_ASKED_MAX] if ask.next(projects=each) is None}
    count = sum(project not in paused for project in projects)
    # `next` was asked a moment before the rest: it counts in any case.
    return Found(first, max(1, count), len(page) == COUNTED_MAX, claims)


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
    names = {instance, *_names(own.get("labels"))}
    projects = _names(own.get("projects"))

    def fits(task: Json) -> bool:
        return (
            task.get("readiness") == "ready"
            and (task.get("target") is None or _text(task, "target") in names)
            and (not projects or _text(task, "project") in projects)
        )

    return fits


def _text(task: Json, name: str) -> str:
    value = task.get(name)
    return value if isinstance(value, str) else ""


def _names(value: object) -> set[str]:
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _named(task: Json) -> str:
    return output.line(f"#{task.get('id')} {task.get('description')}")
