"""Options that name a task, a project or a target: what is suggested, and what is understood."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands

from athena.bot.cards import ICONS
from athena.model.errors import Invalid
from athena.model.lifecycle import ENDED, OPEN, Status
from athena.model.task import TaskId
from athena.model.text import is_slug

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_CHOICES_MAX: Final = 25
_CHOICE_UNITS: Final = 100
_DIGITS_MAX: Final = 18
ALL: Final = frozenset(Status)

Choices = list[app_commands.Choice[str]]
# discord.py wants to be given these for any client.
Suggest = Callable[[discord.Interaction[Any], str], Coroutine[Any, Any, Choices]]


def task_id_of(typed: str) -> TaskId:
    """The task that a person means: what is typed need not be one of the suggestions.

    Raises: Invalid.
    """
    digits = typed.strip().removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX):
        raise Invalid("Name the task by its number, such as 12, or choose a suggestion.")
    return TaskId(int(digits))


def _suggest_tasks(statuses: Iterable[Status]) -> Suggest:
    wanted = tuple(statuses)

    async def suggest(interaction: discord.Interaction[AthenaClient], typed: str) -> Choices:
        client = interaction.client
        found = await client.services.discord.choices(typed, statuses=wanted, limit=_CHOICES_MAX)
        return [
            app_commands.Choice(
                name=client.words.plain(
                    f"#{choice.task_id} {ICONS[Status(choice.status)]} {choice.description}",
                    _CHOICE_UNITS,
                ),
                value=str(choice.task_id),
            )
            for choice in found
        ]

    return suggest


suggest_open: Final = _suggest_tasks(OPEN)
suggest_ended: Final = _suggest_tasks(ENDED)
suggest_pending: Final = _suggest_tasks([Status.PENDING])
suggest_any: Final = _suggest_tasks(ALL)


async def suggest_project(interaction: discord.Interaction[AthenaClient], typed: str) -> Choices:
    """The projects that instances serve."""
    present = await interaction.client.services.instances.list()
    return _slugs(typed, (p for each in present for p in each.instance.projects or ()))


async def suggest_target(interaction: discord.Interaction[AthenaClient], typed: str) -> Choices:
    """The instances and their labels."""
    present = await interaction.client.services.instances.list()
    named = (name for each in present for name in (each.instance.slug, *each.instance.labels))
    return _slugs(typed, named)


def _slugs(typed: str, known: Iterable[str]) -> Choices:
    fitting = sorted(slug for slug in set(known) if typed.casefold() in slug.casefold())
    return [app_commands.Choice(name=slug, value=slug) for slug in fitting[:_CHOICES_MAX]]


def project_of(typed: str | None) -> str | None:
    """The project that a person means.

    Raises: Invalid, for what cannot be the name of one.
    """
    name = (typed or "").strip() or None
    if name is not None and not is_slug(name):
        raise Invalid("A project's name has letters, digits, '.', '_' and '-' only.")
    return name
