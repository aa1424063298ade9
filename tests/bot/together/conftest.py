"""One Athena and one Discord for all tests of a module: what people do one after another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.conftest import Athena
from tests.fakes.discord import DiscordStandIn, Permission, User
from tests.running import RunningServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def athena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Athena]:
    """A connected Athena for the whole module."""
    folder: Path = tmp_path_factory.mktemp("athena")
    async with DiscordStandIn() as discord:
        server = RunningServer(folder, settings=discord.environment)
        try:
            await asyncio.to_thread(server.start)
            athena = Athena(server, discord)
            await athena.until_discord_is("connected")
            yield athena
            assert discord.violations == []
            assert await asyncio.to_thread(server.stop) == 0
        finally:
            await asyncio.to_thread(server.end)


@pytest.fixture
def discord(athena: Athena) -> DiscordStandIn:
    return athena.discord


@pytest.fixture
def alice(discord: DiscordStandIn) -> User:
    return discord.member("alice")


@pytest.fixture
def boss(discord: DiscordStandIn) -> User:
    return discord.member("boss", discord.role("keeper", Permission.MANAGE_GUILD))
