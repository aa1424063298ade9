"""`/done`: what was completed or failed lately, with cost and duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot.answers import answer, in_time
from athena.bot.buttons import List
from athena.bot.lists import page_of
from athena.bot.options import project_of, suggest_project

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="done", description="Show recently completed and failed tasks")
@app_commands.describe(project="Only the tasks of this project")
@app_commands.autocomplete(project=suggest_project)
@app_commands.guild_only()
async def command(
    interaction: discord.Interaction[AthenaClient], project: str | None = None
) -> None:
    reading = page_of(interaction.client, List.DONE, project=project_of(project), cursor=None)
    await answer(interaction, await in_time(interaction, reading))
