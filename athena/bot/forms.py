"""The form for a long task, and what was filled in on any form.

That is read from what Discord sends, never from memory: a form that was open while the bot was
restarted counts all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import discord

from athena.bot import answering
from athena.bot.buttons import QuestionPress, parse
from athena.bot.submitting import submit
from athena.model.errors import Invalid
from athena.model.task import Priority

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

# The id carries the priority that the command named: not every client sends what it preselects.
_TASK_FORM: Final = "athena:task:"
_DESCRIPTION_CHARACTERS_MAX: Final = 4_000  # Discord's own bound for a field
_SLUG_CHARACTERS_MAX: Final = 64


def task_form(*, priority: Priority, project: str | None, target: str | None) -> discord.ui.Modal:
    """The form, with what the command's options have said already."""
    form = discord.ui.Modal(title="New task", custom_id=f"{_TASK_FORM}{priority}", timeout=None)
    form.add_item(
        discord.ui.Label(
            text="Description",
            description="What Claude is to do. Longer than this field: attach a file to /task.",
            component=discord.ui.TextInput(
                custom_id="description",
                style=discord.TextStyle.paragraph,
                max_length=_DESCRIPTION_CHARACTERS_MAX,
            ),
        )
    )
    form.add_item(
        discord.ui.Label(
            text="Priority",
            component=discord.ui.Select(
                custom_id="priority",
                required=False,
                options=[
                    discord.SelectOption(label=each.value, default=each is priority)
                    for each in Priority
                ],
            ),
        )
    )
    for name, value, about in (
        ("project", project, "The workspace that the task belongs to."),
        ("target", target, "An instance or a label; empty: anywhere."),
    ):
        form.add_item(
            discord.ui.Label(
                text=name.capitalize(),
                description=about,
                component=discord.ui.TextInput(
                    custom_id=name,
                    required=False,
                    max_length=_SLUG_CHARACTERS_MAX,
                    default=value,
                ),
            )
        )
    form.stop()  # discord.py need not remember it
    return form


async def submitted(interaction: discord.Interaction[AthenaClient]) -> None:
    """Do what was filled in: queue a task, or answer a question.

    Raises: Invalid; the refusals of the services.
    """
    data: Mapping[str, Any] = dict(interaction.data or {})
    custom_id = str(data.get("custom_id", ""))
    filled = dict(_fields(data.get("components", [])))
    meant = parse(custom_id)
    if isinstance(meant, QuestionPress):
        await answering.submitted(interaction, meant, filled.get(answering.FIELD, ""))
        return
    form, is_ours, named = custom_id.partition(_TASK_FORM)
    if form or not is_ours:
        raise Invalid("This form is from an older version of Athena. Please open it again.")
    try:
        priority = Priority(filled.get("priority") or named)
    except ValueError as error:
        raise Invalid("There is no such priority.") from error
    await submit(
        interaction,
        filled.get("description", ""),
        priority=priority,
        project=filled.get("project"),
        target=filled.get("target"),
    )


def _fields(components: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What was filled in, by the ids of the fields, however they are nested."""
    for component in components:
        if "custom_id" in component:
            chosen = component.get("values") or [component.get("value") or ""]
            yield str(component["custom_id"]), str(chosen[0])
        inner = [component["component"]] if "component" in component else []
        yield from _fields([*inner, *component.get("components", [])])
