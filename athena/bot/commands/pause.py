"""`/pause`: stop the giving out of tasks, of a project or altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot.answers import Answer, answer, in_time
from athena.bot.options import project_of, suggest_project
from athena.bot.submitting import actor_of
from athena.bot.sync import NEEDS_ADMIN
from athena.model.pause import Pause

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(
    name="pause", description="Stop giving out tasks; what runs goes on", extras={NEEDS_ADMIN: True}
)
@app_commands.describe(project="Only this project; left out: everything")
@app_commands.autocomplete(project=suggest_project)
@app_commands.guild_only()
async def command(
    interaction: discord.Interaction[AthenaClient], project: str | None = None
) -> None:
    client = interaction.client
    pause = Pause(project=project_of(project))
    act = client.services.queue.pause(pause, by=actor_of(interaction))
    await in_time(interaction, act, public=True)
    what = f"Project {client.words.line(pause.project, 64)}" if pause.project else "The queue"
    await answer(
        interaction,
        Answer(content=f"{what} is paused: nothing more is given out until `/resume`", public=True),
    )
