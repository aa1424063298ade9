"""`/task`: queue a task, in a line, from an attached file, or by a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands

from athena.bot.answers import in_time
from athena.bot.forms import task_form
from athena.bot.options import suggest_project, suggest_target
from athena.bot.submitting import submit, text_of
from athena.model.task import Priority

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="task", description="Queue a task for Claude; without a text, by a form")
@app_commands.describe(
    description="What Claude is to do; leave it out for a form with room for a long text",
    priority="How much it matters (medium)",
    project="The workspace that it belongs to",
    target="The instance or label where it is to run (anywhere)",
    file="A text file that says what to do, instead of or after the description",
)
@app_commands.autocomplete(project=suggest_project, target=suggest_target)
@app_commands.guild_only()
async def command(
    interaction: discord.Interaction[AthenaClient],
    *,
    description: str | None = None,
    priority: Literal["urgent", "high", "medium", "low"] = "medium",
    project: str | None = None,
    target: str | None = None,
    file: discord.Attachment | None = None,
) -> None:
    level = Priority(priority)
    if file is None and description is None:
        form = task_form(priority=level, project=project, target=target)
        await interaction.response.send_modal(form)
        return
    text = description or ""
    if file is not None:
        attached = await in_time(interaction, text_of(file), public=True)
        text = f"{text}\n\n{attached}" if text.strip() else attached
    await submit(interaction, text, priority=level, project=project, target=target)
