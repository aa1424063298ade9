"""What a press of a button does, and the acts that buttons and commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

import discord

from athena.bot import answering, lists
from athena.bot.answers import Answer, answer, in_time, text_file, turn_page
from athena.bot.buttons import (
    Act,
    PagePress,
    QuestionPress,
    TaskPress,
    buttons_of,
    parse,
    task_button,
)
from athena.bot.cards import ICONS, STATES, full_card_of
from athena.bot.names import names_of
from athena.bot.submitting import actor_of
from athena.bot.text import units
from athena.model.errors import Invalid
from athena.model.question import QuestionFilter
from athena.model.reason import Why
from athena.model.task import Task, TaskId

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_SHOWN_UNITS: Final = 2_400
_REASON_UNITS: Final = 300


async def pressed(interaction: discord.Interaction[AthenaClient]) -> None:
    """Do what the button says.

    Raises: the refusals of the services; Invalid, for a button that exists no more.
    """
    data: dict[str, Any] = dict(interaction.data or {})
    match parse(str(data.get("custom_id", ""))):
        case TaskPress(act=act, task_id=task_id):
            await _do(interaction, act, task_id)
        case QuestionPress() as press:
            values = [str(value) for value in data.get("values", [])]
            await answering.pressed(interaction, press, values)
        case PagePress(list=shown, project=project, cursor=cursor):
            page = await lists.page_of(interaction.client, shown, project=project, cursor=cursor)
            await turn_page(interaction, page)
        case None:
            raise Invalid("This button is from an older version of Athena. `/queue` shows more.")


async def _do(interaction: discord.Interaction[AthenaClient], act: Act, task_id: TaskId) -> None:
    match act:
        case Act.CANCEL:
            await cancel(interaction, task_id)
        case Act.STOP:
            await stop(interaction, task_id)
        case Act.RETRY:
            await retry(interaction, task_id)
        case Act.SHOW:
            await show(interaction, task_id)
        case Act.WHY:
            await explain(interaction, task_id)
        case _:
            assert_never(act)


async def cancel(interaction: discord.Interaction[AthenaClient], task_id: TaskId) -> None:
    """Cancel a task; where it runs, ask first.

    Raises: TaskNotFound; Conflict.
    """
    client = interaction.client
    task = await in_time(interaction, client.services.tasks.get(task_id))
    if not task.is_running:
        await stop(interaction, task_id)
        return
    name_of = await names_of(client.services.instances)
    holder = client.words.line(name_of(task.claimed_by or "?"), 100)
    question = f"{holder} is working on task #{task.id}. Its work so far would be for nothing."
    await answer(interaction, Answer(content=question, buttons=[task_button(Act.STOP, task.id)]))


async def stop(interaction: discord.Interaction[AthenaClient], task_id: TaskId) -> None:
    """Cancel a task without asking.

    Raises: TaskNotFound; Conflict.
    """
    tasks = interaction.client.services.tasks
    task = await in_time(interaction, tasks.get(task_id))
    if task.status.is_end:
        await answer(interaction, Answer(content=f"{_standing(task)} already."))
        return
    task = await in_time(interaction, tasks.cancel(task_id, by=actor_of(interaction)))
    await answer(interaction, _after(task))


async def retry(interaction: discord.Interaction[AthenaClient], task_id: TaskId) -> None:
    """Put an ended task back into the queue.

    Raises: TaskNotFound; Conflict.
    """
    tasks = interaction.client.services.tasks
    task = await in_time(interaction, tasks.get(task_id))
    if not task.status.is_end:
        await answer(interaction, Answer(content=f"{_standing(task)}: it has not ended."))
        return
    task = await in_time(interaction, tasks.retry(task_id, by=actor_of(interaction)))
    await answer(interaction, _after(task))


async def show(interaction: discord.Interaction[AthenaClient], task_id: TaskId) -> None:
    """Everything about a task.

    Raises: TaskNotFound.
    """
    client = interaction.client
    task = await in_time(interaction, client.services.tasks.get(task_id))
    name_of = await names_of(client.services.instances)
    holder = name_of(task.claimed_by) if task.claimed_by else None
    asked = await client.services.questions.list(QuestionFilter(task_id=task_id))
    card = full_card_of(task, holder=holder, words=client.words, questions=asked.items)
    fits = units(task.description) <= _SHOWN_UNITS and units(task.notes or "") <= _SHOWN_UNITS // 3
    buttons = [button for button in buttons_of(task) if button.custom_id != _show_id(task)]
    whole = client.words.redact(_whole_text(task))
    file = None if fits else text_file(f"task-{task.id}.txt", whole)
    await answer(interaction, Answer(embed=card.embed, buttons=buttons, file=file))


def _show_id(task: Task) -> str:
    return task_button(Act.SHOW, task.id).custom_id


def _whole_text(task: Task) -> str:
    parts = [task.description]
    parts += [f"--- notes ---\n{task.notes}"] if task.notes else []
    parts += [f"--- error ---\n{task.error}"] if task.error else []
    return "\n\n".join(parts)


async def explain(interaction: discord.Interaction[AthenaClient], task_id: TaskId) -> None:
    """Why a task is not running.

    Raises: TaskNotFound.
    """
    client = interaction.client
    task = await in_time(interaction, client.services.tasks.get(task_id))
    if not task.is_pending:
        await answer(interaction, Answer(content=f"{_standing(task)}."))
        return
    why = await in_time(interaction, client.services.tasks.why(task_id))
    await answer(interaction, Answer(content=_reasons(interaction.client, task, why)))


def _reasons(client: AthenaClient, task: Task, why: Why) -> str:
    place = f" · place {why.position} in the queue" if why.position else ""
    head = f"{ICONS[task.status]} Task #{task.id} · {why.readiness or task.status}{place}"
    if not why.reasons:
        return f"{head}\nNothing holds it: the next free instance that fits takes it."
    shown = [f"• {client.words.line(r.detail, _REASON_UNITS)}" for r in why.reasons[:5]]
    return "\n".join([head, *shown])


def _standing(task: Task) -> str:
    return f"{ICONS[task.status]} Task #{task.id} is {STATES[task.status]}"


def _after(task: Task) -> Answer:
    words = {"cancelled": "cancelled", "pending": "is in the queue again"}
    said = words.get(task.status.value, STATES[task.status])
    return Answer(content=f"{ICONS[task.status]} Task #{task.id} {said}", buttons=buttons_of(task))
