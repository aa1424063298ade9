"""`/cancel`: stop a task, after a question where it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot import components
from athena.bot.options import suggest_open, task_id_of

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="cancel", description="Cancel a pending or running task")
@app_commands.describe(number="The task, by its number or by words of it")
@app_commands.rename(number="id")
@app_commands.autocomplete(number=suggest_open)
@app_commands.guild_only()
async def command(interaction: discord.Interaction[AthenaClient], number: str) -> None:
    await components.cancel(interaction, task_id_of(number))
