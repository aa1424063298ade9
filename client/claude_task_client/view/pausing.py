"""Pausing and resuming, as choices to take one of."""

from __future__ import annotations

from collections.abc import Sequence

from claude_task_client.client import AsyncAthena
from claude_task_client.view.drawing import shown
from claude_task_client.view.menu import Choice

_QUEUE = "queue"


def choices(*, project: str | None, instance: str | None) -> Sequence[Choice]:
    """What can be paused and resumed: everything, the project, the instance."""
    found = [
        Choice("p", "Pause the whole queue", f"pause {_QUEUE} "),
        Choice("r", "Resume the whole queue", f"resume {_QUEUE} "),
    ]
    if project:
        found += _both("project", project, "12")
    if instance:
        found += _both("instance", instance, "34")
    return found


async def carry_out(athena: AsyncAthena, value: str) -> None:
    """Do what a choice says. Raises: Refused, Unreachable."""
    verb, what, name = value.split(" ", 2)
    call = athena.pause if verb == "pause" else athena.resume
    await (call() if what == _QUEUE else call(**{what: name}))


def told(value: str) -> str:
    """What was done, in words."""
    verb, what, name = value.split(" ", 2)
    about = "the whole queue" if what == _QUEUE else f"the {what} {shown(name)}"
    return f"{'Paused' if verb == 'pause' else 'Resumed'}: {about}."


def _both(what: str, name: str, keys: str) -> list[Choice]:
    return [
        Choice(keys[0], f"Pause the {what} {shown(name)}", f"pause {what} {name}"),
        Choice(keys[1], f"Resume the {what} {shown(name)}", f"resume {what} {name}"),
    ]
