"""A stand-in, and a real discord.py bot in a process of its own beside it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fakes.discord import DiscordStandIn, User

BOT = Path(__file__).with_name("bot.py")
StartBot = Callable[..., Awaitable["BotProcess"]]


class BotProcess:
    """The bot's process; `output` is there once it has ended."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ended(self) -> tuple[int, str]:
        """Its exit code and all that it wrote."""
        output, _ = await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode is not None
        return self.process.returncode, output.decode()

    async def stop(self) -> None:
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.communicate(), 15)
        except TimeoutError:
            self.process.kill()
            await self.process.communicate()


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    async with DiscordStandIn(interaction_deadline_seconds=3.0) as stand_in:
        yield stand_in


@pytest.fixture
async def start_bot() -> AsyncIterator[StartBot]:
    """Start the bot against a stand-in, with more environment if wanted."""
    started: list[BotProcess] = []

    async def start(stand_in: DiscordStandIn, **environment: str) -> BotProcess:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(BOT),
            env={**os.environ, **stand_in.environment, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        started.append(BotProcess(process))
        return started[-1]

    yield start
    for bot in started:
        await bot.stop()


@pytest.fixture
async def bot(discord: DiscordStandIn, start_bot: StartBot) -> BotProcess:
    """A connected bot with its commands registered."""
    process = await start_bot(discord)
    await discord.wait_connected()
    return process


@pytest.fixture
def alice(discord: DiscordStandIn) -> User:
    return discord.member("alice")
