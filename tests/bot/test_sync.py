"""Commands are registered when they change, and left alone otherwise."""

from __future__ import annotations

import asyncio

import pytest

from tests.bot.conftest import StartAthena
from tests.fakes.discord import DiscordStandIn

# Each test starts a server of its own, and some wait for Discord to come back.
pytestmark = pytest.mark.slow


async def test_ten_restarts_register_once(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """Discord allows 200 new commands a day: a restart is no reason to spend any."""
    athena = await start_athena()
    await discord.wait_for(lambda state: state.commands.puts)
    for _ in range(10):
        await asyncio.to_thread(athena.server.restart)
        await athena.until_discord_is("connected")
    assert discord.state.commands.puts == 1


async def test_changed_commands_are_registered_again(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """A setting that changes whom a command is shown to changes the registration."""
    athena = await start_athena()
    await discord.wait_for(lambda state: state.commands.puts)
    await asyncio.to_thread(athena.server.stop)
    athena.server.settings["ATHENA_DISCORD_ADMIN_ROLES"] = "boss"
    await asyncio.to_thread(athena.server.start)
    await discord.wait_for(lambda state: state.commands.puts == 2)


async def test_switching_scope_leaves_no_duplicates(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """Global commands go when a guild is named, and come back when it is not."""
    athena = await start_athena()
    guild = discord.guild
    await discord.wait_for(lambda state: state.commands.puts)

    for settings in ({"ATHENA_DISCORD_GUILD_IDS": str(guild.id)}, {}):
        await asyncio.to_thread(athena.server.stop)
        athena.server.settings.pop("ATHENA_DISCORD_GUILD_IDS", None)
        athena.server.settings.update(settings)
        await asyncio.to_thread(athena.server.start)
        used, unused = (guild.id, None) if settings else (None, guild.id)
        await until_registered(discord, used, unused)
        assert names(discord, used) >= {"task", "queue", "Queue as task"}


async def test_lost_store_leaves_no_duplicates(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """Global commands that a store of before had registered go too."""
    first = await start_athena()
    await discord.wait_for(lambda state: state.commands.puts)
    await asyncio.to_thread(first.server.stop)
    await start_athena(DISCORD_GUILD_IDS=str(discord.guild.id))
    await discord.wait_for(lambda _: names(discord, discord.guild.id) and not names(discord, None))


async def test_failing_registration_is_tried_again(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """A registration that fails stops nothing, and is made up for."""
    fault = discord.faults.fail("PUT /applications/*/commands", status=503, times=1)
    athena = await start_athena()
    await discord.wait_for(lambda _: fault.spent)
    task = await athena.submit()
    await athena.card(task)
    await discord.wait_for(lambda _: names(discord, None), 40)


async def until_registered(discord: DiscordStandIn, used: int | None, unused: int | None) -> None:
    """Until there are commands in the one scope, and none in the other."""
    await discord.wait_for(lambda _: names(discord, used) and not names(discord, unused))


def names(discord: DiscordStandIn, guild_id: int | None) -> set[str]:
    """The names of the commands that stand in a scope."""
    return set(discord.state.commands.scope(guild_id).names)
