"""Pages of the queue and of what is done, with the buttons that turn them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import discord

from athena.bot.answers import Answer
from athena.bot.buttons import Button, List, page_button
from athena.bot.cards import ICONS
from athena.bot.names import names_of
from athena.bot.results import duration_of
from athena.bot.text import Words, ago, cost, span
from athena.model.lifecycle import Status
from athena.model.page import TaskFilter
from athena.model.task import Readiness, Task, cost_usd_of

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_ON_A_PAGE: Final = 10
_RUNNING_SHOWN_MAX: Final = 10
_TEXT_UNITS: Final = 110
_DONE: Final = frozenset({Status.COMPLETED, Status.FAILED})
_TITLES: Final = {List.QUEUE: "Queue", List.DONE: "Recently done"}
_NOTHING: Final = {List.QUEUE: "The queue is empty.", List.DONE: "Nothing was done yet."}


async def page_of(
    client: AthenaClient, shown: List, *, project: str | None, cursor: str | None
) -> Answer:
    """A page of the list; the first one where there is no cursor.

    Raises: Invalid, for a cursor that is none.
    """
    statuses = frozenset({Status.PENDING}) if shown is List.QUEUE else _DONE
    tasks = client.services.tasks
    wanted = TaskFilter(statuses=statuses, project=project)
    page = await tasks.list(wanted, limit=_ON_A_PAGE, cursor=cursor)
    running: Sequence[Task] = ()
    if shown is List.QUEUE and cursor is None:
        wanted = TaskFilter(statuses=frozenset({Status.IN_PROGRESS}), project=project)
        running = (await tasks.list(wanted, limit=_RUNNING_SHOWN_MAX)).items
    name_of = await names_of(client.services.instances)
    line_of = _queue_line if shown is List.QUEUE else _done_line
    lines = [line_of(task, client.words, name_of) for task in (*running, *page.items)]
    title = _TITLES[shown] + (f" of {client.words.line(project, 64)}" if project else "")
    embed = discord.Embed(
        title=title,
        description="\n".join(lines) or _NOTHING[shown],
        colour=discord.Colour.blurple(),
    )
    return Answer(embed=embed, buttons=_buttons(shown, project, cursor, page.next_cursor))


def _buttons(
    shown: List, project: str | None, cursor: str | None, following: str | None
) -> list[Button]:
    first = page_button("First page" if cursor else "Refresh", shown, project, None)
    more = page_button("Next page", shown, project, following) if following else None
    return [button for button in (first, more) if button is not None]


def _queue_line(task: Task, words: Words, name_of: Callable[[str], str]) -> str:
    details = [task.priority.value, words.line(task.project or "", 40)]
    if task.is_running:
        percent = task.progress.percent if task.progress else None
        details += [
            words.line(name_of(task.claimed_by or "?"), 40),
            f"{percent} %" if percent is not None else "",
        ]
    elif task.readiness is not Readiness.READY and task.readiness is not None:
        details.append(task.readiness.value)
    return _line(task, words, details)


def _done_line(task: Task, words: Words, name_of: Callable[[str], str]) -> str:
    length, usd = duration_of(task), cost_usd_of(task.result)
    details = [
        words.line(name_of(task.claimed_by), 40) if task.claimed_by else "",
        span(length) if length is not None else "",
        cost(usd) if usd is not None else "",
        ago(task.completed_at) if task.completed_at else "",
    ]
    return _line(task, words, details)


def _line(task: Task, words: Words, details: Sequence[str]) -> str:
    about = " · ".join(detail for detail in details if detail)
    text = words.line(task.description, _TEXT_UNITS)
    return f"{ICONS[task.status]} **#{task.id}** {text}\n-# {about}"
