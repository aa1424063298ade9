"""`/status`: who is there and what they do, the figures of the queue, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands

from athena.bot.answers import Answer, answer, in_time
from athena.bot.standing import (
    Waiting,
    instance_lines,
    question_lines,
    queue_lines,
    trouble_lines,
)
from athena.model.question import Question, QuestionFilter

if TYPE_CHECKING:
    from athena.bot.client import AthenaClient

_FIELD_UNITS: Final = 1_024
_QUESTIONS_MAX: Final = 4


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
    asked = await services.questions.list(QuestionFilter(), limit=_QUESTIONS_MAX)
    if asked.items:
        waiting = [Waiting(question, await _url_of(client, question)) for question in asked.items]
        lines = question_lines(waiting, client.words, are_all=asked.next_cursor is None)
        embed.add_field(name="Waits for an answer", value="\n".join(lines), inline=False)
    trouble = trouble_lines(health, client.places.problems(), client.words)
    if trouble:
        embed.add_field(name="Trouble", value="\n".join(trouble)[:_FIELD_UNITS], inline=False)
        embed.colour = discord.Colour.orange()
    return Answer(embed=embed)


async def _url_of(client: AthenaClient, question: Question) -> str | None:
    """The address of the message that shows the question."""
    records = client.services.discord
    shown, place = await records.question(question.id), await records.find(question.task_id)
    if shown is None or place is None:
        return None
    path = f"{place.guild_id}/{shown.channel_id}/{shown.message_id}"
    return f"https://discord.com/channels/{path}"
