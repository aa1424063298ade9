"""The buttons under messages: which there are, and what stands in their ids.

A button's id carries all that it needs, and nothing of it is kept in memory: a press is answered
for ever, also after the bot was restarted, and also where an edit has removed the button meanwhile
(discord.py's own persistent items stay silent then).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import discord

from athena.model.lifecycle import Status
from athena.model.task import Task, TaskId

_CUSTOM_ID_CHARACTERS_MAX: Final = 100
_TASK_ACT: Final = re.compile(r"athena:(?P<act>[a-z-]+):(?P<id>[1-9][0-9]{0,17})")
_PAGE: Final = re.compile(
    r"athena:(?P<list>[qd]):(?P<project>[A-Za-z0-9._-]{0,64}):(?P<cursor>[A-Za-z0-9_-]*)"
)


class Act(StrEnum):
    """What a button under a task does. STOP is the answer to "it runs; cancel it?"."""

    CANCEL = "cancel"
    STOP = "stop"
    RETRY = "retry"
    SHOW = "show"
    WHY = "why"


class List(StrEnum):
    """Which list a paging button turns over."""

    QUEUE = "q"
    DONE = "d"


@dataclass(frozen=True, slots=True)
class TaskPress:
    """Somebody pressed a button of a task."""

    act: Act
    task_id: TaskId


@dataclass(frozen=True, slots=True)
class PagePress:
    """Somebody wants another page of a list."""

    list: List
    project: str | None
    cursor: str | None


def parse(custom_id: str) -> TaskPress | PagePress | None:
    """What a press means; None for an id that is none of ours any more."""
    if match := _PAGE.fullmatch(custom_id):
        return PagePress(List(match["list"]), match["project"] or None, match["cursor"] or None)
    match = _TASK_ACT.fullmatch(custom_id)
    if match is None or match["act"] not in set(Act):
        return None
    return TaskPress(Act(match["act"]), TaskId(int(match["id"])))


@dataclass(frozen=True, slots=True)
class Button:
    """A button to be shown."""

    label: str
    custom_id: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


_LABELS: Final = {
    Act.CANCEL: ("Cancel", discord.ButtonStyle.danger),
    Act.STOP: ("Yes, cancel it", discord.ButtonStyle.danger),
    Act.RETRY: ("Retry", discord.ButtonStyle.primary),
    Act.SHOW: ("Show", discord.ButtonStyle.secondary),
    Act.WHY: ("Why is it waiting?", discord.ButtonStyle.secondary),
}


def task_button(act: Act, task_id: TaskId) -> Button:
    """The button that does this to the task."""
    label, style = _LABELS[act]
    return Button(label, f"athena:{act}:{task_id}", style)


def buttons_of(task: Task) -> Sequence[Button]:
    """What a person can do with the task as it is."""
    match task.status:
        case Status.PENDING:
            acts = [Act.CANCEL, Act.WHY, Act.SHOW]
        case Status.IN_PROGRESS:
            acts = [Act.CANCEL, Act.SHOW]
        case _:
            acts = [Act.RETRY, Act.SHOW]
    return [task_button(act, task.id) for act in acts]


def page_button(label: str, shown: List, project: str | None, cursor: str | None) -> Button | None:
    """The button that turns to a page; None where its id would be too long for Discord."""
    custom_id = f"athena:{shown}:{project or ''}:{cursor or ''}"
    return None if len(custom_id) > _CUSTOM_ID_CHARACTERS_MAX else Button(label, custom_id)


def view_of(buttons: Iterable[Button]) -> discord.ui.View:
    """The buttons as discord.py sends them; it is told not to keep them in its memory."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(
            discord.ui.Button(label=button.label, custom_id=button.custom_id, style=button.style)
        )
    view.stop()
    return view
