"""`/athena`: what the bot is, and how it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands

from athena.bot.answers import Answer, answer, in_time

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient


@app_commands.command(name="athena", description="Help, and what this bot is")
@app_commands.guild_only()
async def command(interaction: discord.Interaction[AthenaClient]) -> None:
    client = interaction.client
    health = await in_time(interaction, client.services.health.report())
    embed = discord.Embed(
        title="Athena",
        description="Queues tasks for Claude Code: an instance claims each, works on it, and you "
        "are told here when it is done.\n\n" + "\n".join(_usage(client)),
        colour=discord.Colour.blurple(),
    )
    embed.set_footer(text=f"Athena {health.version}")
    if client.config.public_url:
        url = client.config.public_url
        embed.add_field(name="API", value=f"{url}/docs", inline=False)
    await answer(interaction, Answer(embed=embed))


def _usage(client: AthenaClient) -> list[str]:
    """One line a command, from the commands themselves."""
    chat = client.tree.get_commands(type=discord.AppCommandType.chat_input)
    lines = [
        f"`/{each.name}` {each.description}"
        for each in sorted(chat, key=lambda each: each.name)
        if isinstance(each, app_commands.Command)
    ]
    menus = client.tree.get_commands(type=discord.AppCommandType.message)
    return [*lines, *(f"*{menu.name}* in the menu of any message" for menu in menus)]
