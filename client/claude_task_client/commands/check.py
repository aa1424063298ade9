"""What this instance could claim, in a line: for the start of every Claude Code session.

It imports neither the Python classes nor anything that draws, and all of it ends in two seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import click

from claude_task_client import output, settings
from claude_task_client.advice import advice
from claude_task_client.errors import AthenaError, Unreachable
from claude_task_client.http import HttpTransport
from claude_task_client.options import athena_command, json_option
from claude_task_client.transport import Call, Json, wrong_shape

# Of the 2 s that a session may be delayed, the rest is for what only the end costs: printing, and
# the exit of Python. The start counts: on a small machine it takes a good part of them.
SECONDS_IN_ALL: Final = 1.5
LOOK_SECONDS_MIN: Final = 0.5
# The longest page that Athena gives, and how many of them a count is worth to both sides.
PAGE_TASKS: Final = 500
PAGES_MAX: Final = 10
CLAIMS_SHOWN_MAX: Final = 5
PROJECTS_ASKED_MAX: Final = 50


Objects = list[Any]  # each of them is a dict


class Found(NamedTuple):
    """What `next` would give, how many there are like it, and what this instance has in hand.

    There may be more of them where the count is not exact, never fewer.
    """

    next: Json | None
    pending: int
    is_exact: bool
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
        seconds = seconds_left(seconds_running())
        found = within(seconds, lambda: look(seconds))
    except AthenaError as error:
        complain(error)
        ctx.exit(1 if strict else 0)
    if as_json:
        names = {"pending": found.pending, "exact": found.is_exact}
        output.print_json({**names, "next": found.next, "claims": found.claims})
    else:
        tell(found)


def seconds_left(running: float) -> float:
    """How long a process that has been running so long may still look."""
    return max(LOOK_SECONDS_MIN, SECONDS_IN_ALL - running)


def seconds_running() -> float:
    """How long this process has been there: by the wall where that can be known, else by its work.

    On a busy machine Python waits for its turn while it starts, and that delays a session as well.
    """
    if sys.platform == "linux":
        try:
            with open("/proc/self/stat", "rb") as file:  # noqa: PTH123  pathlib is not loaded yet
                started = int(file.read().rpartition(b")")[2].split()[19])
            return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            pass  # a sandbox need not show it
    return time.process_time()


def look(seconds: float, *, page_tasks: int = PAGE_TASKS) -> Iterator[Found]:
    """Ask Athena, over one connection; each answer knows more than the one before.

    Two requests where nothing waits, else one for each page of the list and each project in it.
    Raises: NotSignedIn, BadSettings, Refused, Unreachable.
    """
    told = settings.load()
    transport = HttpTransport(told.url, told.signed_in(), timeout_seconds=seconds)
    try:
        yield from _look(Questions(transport, told.instance), page_tasks)
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

    def claims(self) -> Objects:
        """What this instance has in hand."""
        query = {"status": "in_progress", "claimed_by": self.instance}
        return self._objects("tasks", "/api/tasks", query)[0]

    def instances(self) -> Objects:
        """Who is there."""
        return self._objects("instances", "/api/instances", {})[0]

    def pending(self, limit: int, cursor: str | None) -> tuple[Objects, str | None]:
        """A page of the queue, and where it goes on."""
        query = {"status": "pending", "limit": str(limit)}
        return self._objects(
            "tasks", "/api/tasks", {**query, "cursor": cursor} if cursor else query
        )

    def _objects(
        self, name: str, path: str, query: Mapping[str, str]
    ) -> tuple[Objects, str | None]:
        body = self.transport.send_once(Call("GET", path, query)).body or {}
        items, cursor = body.get(name), body.get("next_cursor")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise wrong_shape(self.transport.url, name)
        return items, cursor if isinstance(cursor, str) else None


def _look(ask: Questions, page_tasks: int) -> Iterator[Found]:
    first = ask.next()
    claims = ask.claims()
    if first is None:
        yield Found(None, 0, True, claims)
        return
    found = Found(first, 1, False, claims)
    yield found
    # What Athena would give out shows that its project is not paused; of others she is asked.
    is_open = {"", _text(first, "project")}
    fits = _fitting(ask.instance, ask.instances())
    waiting: Counter[str] = Counter()
    cursor = None
    for _ in range(PAGES_MAX):
        tasks, cursor = ask.pending(page_tasks, cursor)
        waiting.update(_text(task, "project") for task in tasks if fits(task))
        yield found._replace(pending=_sum(waiting, is_open))
        if cursor is None:
            break
    others = sorted(waiting.keys() - is_open)
    for project in others[:PROJECTS_ASKED_MAX]:
        if ask.next(projects=project) is not None:
            is_open.add(project)
            yield found._replace(pending=_sum(waiting, is_open))
    is_exact = cursor is None and len(others) <= PROJECTS_ASKED_MAX
    yield found._replace(pending=_sum(waiting, is_open), is_exact=is_exact)


def _sum(waiting: Mapping[str, int], projects: set[str]) -> int:
    # `next` was asked a moment before the rest: it counts in any case.
    return max(1, sum(waiting.get(project, 0) for project in projects))


def complain(error: AthenaError) -> None:
    """Say what is wrong and which command helps, in one line: it stands at the top of a session."""
    text = output.line(str(error), None)
    said = text if "Athena" in text else f"Athena: {text}"
    output.warn(" ".join(filter(None, [said, advice(error)])))


def tell(found: Found) -> None:
    """Print what was found."""
    if found.next is not None:
        output.say(waiting(found.next, found))
    theirs = of_workers() if found.claims else set()
    for task in found.claims[:CLAIMS_SHOWN_MAX]:
        number = task.get("id")
        how = (
            "the worker on this machine is at it"
            if number in theirs
            else f"when done: claude-task-client complete {output.line(str(number))}"
        )
        output.say(f"In progress here: {named(task)} - {how}")
    more = len(found.claims) - CLAIMS_SHOWN_MAX
    if more > 0:
        output.say(f"and {more} more in progress here: claude-task-client list --status running")


def of_workers() -> set[int]:
    """Which of this instance's tasks a worker on this machine has in hand."""
    from claude_task_client.state import Holder
    from claude_task_client.worker import at_work

    told = settings.load()
    return at_work.tasks_in_hand(
        settings.state_folder(), Holder(url=told.url, instance=told.instance)
    )


def waiting(first: Json, found: Found) -> str:
    """How many wait, and the first of them."""
    count = f"{found.pending}{'' if found.is_exact else '+'}"
    return f"{count} task(s) pending - Next: {named(first)}"


def within(seconds: float, work: Callable[[], Iterator[Found]]) -> Found:
    """Work for the best answer, but not for longer: a name may take half a minute to resolve.

    What was known when the time was over or an error came is the answer. Raises: Unreachable when
    nothing was. The thread is a daemon, so that it keeps no process.
    """
    answers: list[Found] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            for found in work():
                answers[:] = [found]
        except Exception as error:  # noqa: BLE001  raised again by the caller
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures and not (answers and isinstance(failures[0], AthenaError)):
        raise failures[0]
    if not answers:
        raise Unreachable("Athena gave no answer in time.")
    return answers[-1]


def _fitting(instance: str, instances: Objects) -> Callable[[Json], bool]:
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


def named(task: Json) -> str:
    """A task in a line."""
    return output.line(f"#{task.get('id')} {task.get('description')}")
