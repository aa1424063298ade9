"""`/reply`: a person's word to a task: an answer, an instruction, or a follow-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot import answering
from athena.bot.options import suggest_any, task_id_of

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="reply", description="Answer a task, or tell it something")
@app_commands.describe(
    number="The task, by its number or by words of it",
    text="Answers its question; else an instruction; after its end a task that goes on from there",
)
@app_commands.rename(number="id")
@app_commands.autocomplete(number=suggest_any)
@app_commands.guild_only()
async def command(interaction: discord.Interaction[AthenaClient], number: str, text: str) -> None:
    await answering.reply(interaction, task_id_of(number), text)
