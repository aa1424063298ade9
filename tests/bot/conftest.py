"""A stand-in Discord, and a real Athena in a process of its own that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.discord import DiscordStandIn, Message, User
from tests.running import Answer, RunningServer


@dataclass
class Athena:
    """A server and the Discord that it is connected to."""

    server: RunningServer
    discord: DiscordStandIn

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        answer = await self.server.ask_async(method, path, body)
        assert answer.status < 400, (method, path, answer.status, answer.body)
        return answer

    async def submit(self, description: str = "Deploy new service", **fields: Any) -> int:
        answer = await self.ask("POST", "/api/tasks", {"description": description, **fields})
        return int(answer.body["id"])

    async def claim(self, task: int, instance: str = "macbook-pro") -> None:
        await self.ask("POST", f"/api/tasks/{task}/claim", {"instance": instance})

    async def progress(self, task: int, instance: str = "macbook-pro", **progress: Any) -> None:
        body = {"instance": instance, "progress": progress}
        await self.ask("PUT", f"/api/tasks/{task}/status", body)

    async def complete(self, task: int, instance: str = "macbook-pro", **fields: Any) -> None:
        body = {"instance": instance, **fields}
        await self.ask("POST", f"/api/tasks/{task}/complete", body)

    async def fail(self, task: int, error: str, instance: str = "macbook-pro") -> None:
        body = {"instance": instance, "error": error, "retry": False}
        await self.ask("POST", f"/api/tasks/{task}/fail", body)

    async def ask_person(
        self, task: int, text: str = "Which database?", instance: str = "macbook-pro", **said: Any
    ) -> int:
        """The holder asks; `said`: kind, choices, action."""
        body = {"instance": instance, "text": text, **said}
        asked = await self.ask("POST", f"/api/tasks/{task}/questions", body)
        return int(asked.body["id"])

    async def question(self, question: int) -> dict[str, Any]:
        """The question, as the instance that has asked it sees it."""
        found: dict[str, Any] = (await self.ask("GET", f"/api/questions/{question}")).body
        return found

    async def question_message(self, question: int) -> Message:
        """The message that shows the question, as soon as it is there."""
        for_it = (f"Question {question}** ", f"Approval {question}** ")
        return await self.discord.wait_for(
            lambda state: next(
                (m for m in state.messages if any(text in m.content for text in for_it)), None
            ),
            what=f"the message of question {question}",
        )

    async def card(self, task: int) -> Message:
        channel = self.discord.channel("claude-tasks")
        return await self.discord.wait_for_message(f"Task #{task} ·", in_=channel)

    async def discord_state(self) -> str:
        return str((await self.ask("GET", "/health")).body["discord"])

    async def until_discord_is(self, beginning: str, seconds: float = 40) -> str:
        async with asyncio.timeout(seconds):
            while True:
                state = await self.discord_state()
                if state.startswith(beginning):
                    return state
                await asyncio.sleep(0.05)


StartAthena = Callable[..., Awaitable[Athena]]


@pytest.fixture
async def discord() -> AsyncIterator[DiscordStandIn]:
    """Discord, with the guild "Athena HQ" and its channels #general and #claude-tasks."""
    async with DiscordStandIn() as stand_in:
        yield stand_in
        assert stand_in.violations == []


@pytest.fixture
async def start_athena(
    discord: DiscordStandIn, start_server: Callable[..., RunningServer]
) -> AsyncIterator[StartAthena]:
    """Starts an Athena with these settings (ATHENA_…); waits until it is connected.

    At the end each is stopped as an operator stops it, which has to succeed.
    """
    started: list[RunningServer] = []

    async def start(*, connected: bool = True, **settings: str) -> Athena:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        server = await asyncio.to_thread(lambda: start_server(**{**own, **settings}))
        started.append(server)
        athena = Athena(server, discord)
        if connected:
            await discord.wait_connected()
            await athena.until_discord_is("connected")
        return athena

    yield start
    for server in started:
        was_running = server.process is not None and server.process.poll() is None
        assert await asyncio.to_thread(server.stop) == 0 or not was_running


@pytest.fixture
async def athena(start_athena: StartAthena) -> Athena:
    """A connected Athena."""
    return await start_athena()


@pytest.fixture
def alice(discord: DiscordStandIn) -> User:
    """A member of the guild."""
    return discord.member("alice")
