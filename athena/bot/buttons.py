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
from athena.model.question import QuestionId
from athena.model.task import Task, TaskId

_CUSTOM_ID_CHARACTERS_MAX: Final = 100
_TASK_ACT: Final = re.compile(r"athena:(?P<act>[a-z-]+):(?P<id>[1-9][0-9]{0,17})")
_QUESTION_ACT: Final = re.compile(
    r"athena:question:(?P<id>[1-9][0-9]{0,17}):(?P<act>[a-z-]+)(?::(?P<choice>[0-9]{1,2}))?"
)
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


class Reply(StrEnum):
    """How a person answers a question. ANSWER and DENY_WHY open a form, CHOOSE is a menu."""

    ANSWER = "answer"
    PICK = "pick"
    CHOOSE = "choose"
    ALLOW = "allow"
    ALLOW_PROJECT = "allow-project"
    DENY = "deny"
    DENY_WHY = "deny-why"


@dataclass(frozen=True, slots=True)
class TaskPress:
    """Somebody pressed a button of a task."""

    act: Act
    task_id: TaskId


@dataclass(frozen=True, slots=True)
class QuestionPress:
    """Somebody answers a question; `choice`: the number of what was picked, from 0."""

    reply: Reply
    question_id: QuestionId
    choice: int | None = None


@dataclass(frozen=True, slots=True)
class PagePress:
    """Somebody wants another page of a list."""

    list: List
    project: str | None
    cursor: str | None


def parse(custom_id: str) -> TaskPress | QuestionPress | PagePress | None:
    """What a press means; None for an id that is none of ours any more."""
    if match := _QUESTION_ACT.fullmatch(custom_id):
        return _question_press(match)
    if match := _PAGE.fullmatch(custom_id):
        return PagePress(List(match["list"]), match["project"] or None, match["cursor"] or None)
    match = _TASK_ACT.fullmatch(custom_id)
    if match is None or match["act"] not in set(Act):
        return None
    return TaskPress(Act(match["act"]), TaskId(int(match["id"])))


def _question_press(match: re.Match[str]) -> QuestionPress | None:
    if match["act"] not in set(Reply):
        return None
    choice = int(match["choice"]) if match["choice"] else None
    return QuestionPress(Reply(match["act"]), QuestionId(int(match["id"])), choice)


@dataclass(frozen=True, slots=True)
class Button:
    """A button to be shown."""

    label: str
    custom_id: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu to be shown; what is chosen comes back as the number of the option, from 0."""

    label: str
    custom_id: str
    options: tuple[str, ...]


Control = Button | Menu


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


def question_id_of(question_id: QuestionId, reply: Reply, choice: int | None = None) -> str:
    """The id of what answers the question so."""
    return f"athena:question:{question_id}:{reply}" + ("" if choice is None else f":{choice}")


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


def view_of(controls: Iterable[Control]) -> discord.ui.View:
    """The buttons and menus as discord.py sends them; it is told not to keep them in its memory."""
    view = discord.ui.View(timeout=None)
    for control in controls:
        view.add_item(_item_of(control))
    view.stop()
    return view


def _item_of(control: Control) -> discord.ui.Item[discord.ui.View]:
    match control:
        case Button(label=label, custom_id=custom_id, style=style):
            return discord.ui.Button(label=label, custom_id=custom_id, style=style)
        case Menu(label=label, custom_id=custom_id, options=options):
            offered = [
                discord.SelectOption(label=option, value=str(number))
                for number, option in enumerate(options)
            ]
            return discord.ui.Select(placeholder=label, custom_id=custom_id, options=offered)
