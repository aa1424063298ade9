"""A stand-in, and a real discord.py bot in a process of its own beside it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn, User
from tests.fakes.discord.openapi import OpenApi, document_path, shared_openapi
from tests.fakes.discord_stand_in.plain_http import Rest

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
        output, _ = await asyncio.wait_for(self.process.communicate(), 60)
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
    """After each test its answers are held against Discord's document, where that is at hand."""
    async with DiscordStandIn() as stand_in:
        yield stand_in
    path = document_path()
    problems = [] if path is None else wrong_answers(stand_in, shared_openapi(path))
    assert problems == []


def wrong_answers(stand_in: DiscordStandIn, document: OpenApi) -> list[str]:
    """Where the stand-in answered what Discord would not."""
    return [
        f"{request}: {problem}"
        for request in stand_in.requests
        if request.answer is not None
        for problem in document.check_answer(
            request.method, request.route, request.status, request.answer
        )
    ]


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


@pytest.fixture
async def rest(discord: DiscordStandIn) -> AsyncIterator[Rest]:
    headers = {"Authorization": f"Bot {discord.state.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Rest(discord, session)


@pytest.fixture
def messages(discord: DiscordStandIn) -> str:
    """The path of #general's messages."""
    return f"/channels/{discord.channel('general').id}/messages"
