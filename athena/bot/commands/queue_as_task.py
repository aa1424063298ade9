"""The menu of a message, *Queue as task*: any message becomes a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot.answers import in_time
from athena.bot.submitting import submit, text_of
from athena.model.errors import Invalid

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.context_menu(name="Queue as task")
@app_commands.guild_only()
async def command(interaction: discord.Interaction[AthenaClient], message: discord.Message) -> None:
    files = [
        await in_time(interaction, text_of(attachment), public=True)
        for attachment in message.attachments
        if (attachment.content_type or "").startswith("text/")
    ]
    parts = [message.content, *(embed.description or "" for embed in message.embeds), *files]
    text = "\n\n".join(part for part in parts if part.strip())
    if not text:
        raise Invalid("That message has no text that could be a task.")
    await submit(interaction, text)
