"""`/priority`: let a task go before others, or after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import discord
from discord import app_commands

from athena.bot.answers import Answer, answer, in_time
from athena.bot.options import suggest_open, task_id_of
from athena.bot.submitting import actor_of
from athena.model.task import Priority
from athena.service.drafts import Changes

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="priority", description="Change how much a task matters")
@app_commands.describe(number="The task, by its number or by words of it", level="The new priority")
@app_commands.rename(number="id")
@app_commands.autocomplete(number=suggest_open)
@app_commands.guild_only()
async def command(
    interaction: discord.Interaction[AthenaClient],
    number: str,
    level: Literal["urgent", "high", "medium", "low"],
) -> None:
    changes = Changes(priority=Priority(level))
    tasks = interaction.client.services.tasks
    changing = tasks.change(task_id_of(number), changes, by=actor_of(interaction))
    task = await in_time(interaction, changing)
    await answer(interaction, Answer(content=f"Task #{task.id} has priority {task.priority}"))
