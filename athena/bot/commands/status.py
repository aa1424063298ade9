"""`/status`: who is there and what they do, the figures of the queue, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands

from athena.bot.answers import Answer, answer, in_time
from athena.bot.standing import instance_lines, queue_lines, trouble_lines

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_FIELD_UNITS: Final = 1_024


@app_commands.command(name="status", description="Show the instances and the figures of the queue")
@app_commands.guild_only()
async def command(interaction: discord.Interaction[AthenaClient]) -> None:
    await answer(interaction, await in_time(interaction, _status(interaction.client)))


async def _status(client: AthenaClient) -> Answer:
    services = client.services
    figures = await services.stats.read()
    present = await services.instances.list()
    pauses = await services.queue.pauses()
    health = await services.health.report()
    embed = discord.Embed(title="Status", colour=discord.Colour.blurple())
    embed.description = "\n".join(instance_lines(present, client.words))
    embed.add_field(name="Queue", value="\n".join(queue_lines(figures, pauses, client.words)))
    trouble = trouble_lines(health, client.places.problems(), client.words)
    if trouble:
        embed.add_field(name="Trouble", value="\n".join(trouble)[:_FIELD_UNITS], inline=False)
        embed.colour = discord.Colour.orange()
    return Answer(embed=embed)
