"""Which task a command is about: the one that was named, or the one that this instance holds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from claude_task_client import output, settings
from claude_task_client.connection import connect
from claude_task_client.errors import BadSettings, NothingToDo, Refused
from claude_task_client.state import Claims, Holder
from claude_task_client.sync import Athena
from claude_task_client.worker import at_work

# Refusals which mean that this instance has no hold on the task (any more).
LOST: Final = frozenset({"not_holder", "task_cancelled", "task_not_found", "invalid_transition"})


class Holding(Protocol):
    """Whatever calls Athena in an instance's name, blocking or not."""

    @property
    def url(self) -> str:
        """Where Athena is."""

    @property
    def instance(self) -> str:
        """Who calls."""


class Held(NamedTuple):
    """A task in hand. `attempt` is None where it was not claimed by a command on this machine."""

    athena: Athena
    id: int
    attempt: int | None


def claims_of(athena: Holding) -> Claims:
    """What this instance remembers."""
    return Claims(settings.state_folder(), Holder(url=athena.url, instance=athena.instance))


def remember(athena: Holding, task_id: int, attempt: int) -> None:
    """Note a claim, and have it renewed while the Claude Code session lasts that made it.

    The claim stands even where that fails.
    """
    session = settings.claude_session()
    if session is None:
        _note(lambda: claims_of(athena).remember(task_id, attempt))
    else:
        _note(lambda: claims_of(athena).remember(task_id, attempt, session=_current(session)))
        _note(lambda: _keep_renewed(session))


def forget(athena: Holding, task_id: int) -> None:
    """Note the end of a claim."""
    _note(lambda: claims_of(athena).forget(task_id))


def held(task_id: int | None) -> Held:
    """The task in hand. Raises: NothingToDo where there is none, BadSettings where several are."""
    athena = connect()
    remembered = claims_of(athena).all()
    if task_id is not None:
        return Held(athena, task_id, remembered.get(task_id))
    candidates = remembered
    if len(remembered) != 1:
        # Athena knows what is in hand, also by claims made elsewhere in this instance's name; only
        # the attempts are ours to remember.
        now = _held_according_to(athena)
        candidates = {task: remembered.get(task, attempt) for task, attempt in now.items()}
        candidates = _without_those_of_workers(athena, candidates, remembered)
    elsewhere = candidates.keys() & _claimed_by_other_sessions(athena)
    if elsewhere:
        names = _named(elsewhere)
        candidates = {task: known for task, known in candidates.items() if task not in elsewhere}
        if not candidates:
            raise BadSettings(
                f"Another session on this machine is at work on {names}: say which one is meant."
            )
    if not candidates:
        raise NothingToDo(f"{athena.instance} holds no task. Take one: claude-task-client claim")
    if len(candidates) > 1:
        raise BadSettings(f"{athena.instance} holds {_named(candidates)}: say which one.")
    [(only, attempt)] = candidates.items()
    return Held(athena, only, attempt)


@contextlib.contextmanager
def ending(task_id: int | None) -> Iterator[Held]:
    """The task in hand, which the block gives out of hand."""
    task = held(task_id)
    try:
        yield task
    except Refused as error:
        if error.code in LOST:
            forget(task.athena, task.id)
        raise
    forget(task.athena, task.id)


def _held_according_to(athena: Athena) -> dict[int, int]:
    page = athena.list(status="in_progress", claimed_by=athena.instance)
    return {task.id: task.attempt for task in page.tasks}


def _without_those_of_workers(
    athena: Athena, candidates: Mapping[int, int], remembered: Mapping[int, int]
) -> dict[int, int]:
    """Leave out what a worker does here in the same name: nobody means that without saying so.

    Raises: BadSettings where nothing else is left.
    """
    theirs = at_work.tasks_in_hand(settings.state_folder(), claims_of(athena).holder)
    theirs = candidates.keys() & (theirs - remembered.keys())
    left = {task: attempt for task, attempt in candidates.items() if task not in theirs}
    if theirs and not left:
        raise BadSettings(
            f"The worker on this machine is at work on {_named(theirs)}: say which one is meant."
        )
    return left


def _claimed_by_other_sessions(athena: Athena) -> set[int]:
    """Tasks that Claude must not end unnamed: those of its neighbour, in the same instance."""
    session = settings.claude_session()
    if session is None:
        return set()  # a person sees what there is, and means the one
    from claude_task_client.plugin import sitting

    folder, holder = settings.state_folder(), claims_of(athena).holder
    here = sitting.of(folder, session)
    if here is None:
        return set()
    claims = sitting.claimed_elsewhere(folder, here)
    return {claim.task_id for claim in claims if claim.holder == holder}


def _named(tasks: Iterable[int]) -> str:
    return ", ".join(f"#{each}" for each in sorted(tasks))


def _current(session: settings.ClaudeSession) -> str:
    """The conversation that goes on now: an MCP server keeps the name of that it began in."""
    from claude_task_client.plugin import sitting

    return sitting.current(settings.state_folder(), session)


def _keep_renewed(session: settings.ClaudeSession) -> None:
    from claude_task_client.plugin import beating, sitting

    here = sitting.of(settings.state_folder(), session)
    if here is not None:  # none: the plugin is not in this session
        beating.ensure(here)


def _note(change: Callable[[], None]) -> None:
    """Athena has the claim, or its end: that nobody could note it here is no failure of it."""
    try:
        change()
    except BadSettings as error:
        output.warn(f"Warning: {error}")
    except OSError as error:  # such as: no process can be started
        output.warn(f"Warning: {error}. Nobody renews the claim: claude-task-client heartbeat")
