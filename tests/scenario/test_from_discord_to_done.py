"""Criterion 2: from `/task` in Discord over the client's commands to the reply that it is done.

Everything is real but Discord: the server, its bot, the commands. And the same once more with the
server killed after any of its requests to Discord: the same end, each message once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.client.conftest import Terminal
from tests.fakes.discord import DiscordStandIn, Message, NoAnswer, User
from tests.running import RunningServer
from tests.scenario.crowd import until
from tests.scenario.history import history_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 60.0
# Requests to Discord that the story takes: the answer, the card, its change as it is claimed, the
# thread, what is said there, the change as it is done, the reply, the thread's closing.
REQUESTS = 8
# Every day some moments; all of them with `--full`.
DAILY = {
    ("sqlite", 1, "after"),
    ("sqlite", 4, "before"),
    ("sqlite", 7, "before"),
    ("postgres", 4, "before"),
}


class Story:
    """Alice at Discord, a laptop with the commands, and the server between them."""

    def __init__(
        self, server: RunningServer, discord: DiscordStandIn, laptop: Terminal, alice: User
    ) -> None:
        self.server = server
        self.discord = discord
        self.laptop = laptop
        self.alice = alice

    def said(self, text: str) -> list[Message]:
        return [message for message in self.discord.state.messages if text in message.text]

    async def message(self, text: str) -> Message:
        return await self.discord.wait_for_message(text, timeout_seconds=PATIENCE_SECONDS)

    async def laptop_says(self, *words: str) -> str:
        """What a command prints; where Athena is away it is given again, as a person would."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = await asyncio.to_thread(self.laptop.run, *words)
            if done.returncode == 0 and done.stdout:
                return done.stdout
            # `check` never fails, but says on stderr that Athena is away.
            assert done.returncode in {0, 3}, done
            assert time.monotonic() < give_up, done

    async def alice_submits(self) -> None:
        """`/task`, and again where the bot failed her and nothing was queued."""
        while not history_of(self.server).tasks:
            await self.discord.wait_ready("task", timeout_seconds=PATIENCE_SECONDS)
            try:
                await self.discord.slash(
                    self.alice, "task", description="Deploy new service", priority="high"
                )
            except NoAnswer:
                continue

    async def tell(self) -> None:
        """The whole story, from the start to the end."""
        await self.alice_submits()
        card = await self.message("Task #1 ·")
        assert "1 task(s) pending - Next: #1 Deploy new service" in await self.laptop_says("check")
        assert "#1" in await self.laptop_says("claim")
        await self.message("Task #1 claimed by Laptop")
        await self.discord.wait_for(lambda _: "in progress" in card.text, PATIENCE_SECONDS)
        await self.laptop_says("complete", "1", "-n", "It is live")
        await self.message("✅ Task #1 completed")
        await self.discord.wait_for(lambda _: "completed" in card.text, PATIENCE_SECONDS)

    def check(self) -> None:
        """Each message once, in its place, and nobody mentioned but Alice, once."""
        (card,) = self.said("Task #1 ·")
        (claimed,) = self.said("Task #1 claimed")
        (end,) = self.said("✅ Task #1 completed")
        assert card.channel is self.discord.channel("claude-tasks")
        assert card.thread is not None
        assert claimed in card.thread.messages
        assert end.reply_to is card
        assert "It is live" in end.text
        assert self.discord.state.pings_of(self.alice) == [end]
        assert [m for m in self.discord.state.messages if m.pings.notified] == [end]
        assert self.discord.violations == []


@pytest.fixture
def _is_due(request: pytest.FixtureRequest, is_full: bool) -> None:
    """Skips what is only tried with `--full`, before anything is started for it."""
    at = request.node.callspec.params
    if is_full or "moment" not in at or (at["engine"], at["number"], at["moment"]) in DAILY:
        return
    pytest.skip("this moment is tried with --full")


@pytest.fixture
async def story(
    _is_due: None, start_server: Callable[..., RunningServer], tmp_path: Path
) -> AsyncIterator[Story]:
    async with DiscordStandIn() as discord:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        server = await asyncio.to_thread(lambda: start_server(**own))
        await discord.wait_ready("task", timeout_seconds=PATIENCE_SECONDS)
        variables = {
            "ATHENA_API_URL": server.url,
            "ATHENA_API_KEY": server.key,
            "CLAUDE_INSTANCE": "laptop",
            "CLAUDE_INSTANCE_NAME": "Laptop",
        }
        home = tmp_path / "laptop"
        home.mkdir()
        yield Story(server, discord, Terminal(home, variables), discord.member("alice"))


async def test_a_task_from_discord_is_done_and_told(story: Story) -> None:
    """`/task`, check, claim, complete: the card, the thread and the reply say so."""
    await story.tell()

    story.check()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
async def test_a_kill_in_the_middle_changes_nothing_for_anybody(
    story: Story, number: int, moment: str
) -> None:
    """Killed at the n-th request to Discord, before or after its answer: the same end."""
    discord = story.discord
    begun = len(discord.requests)
    late = discord.faults.delay_answer("**", seconds=1.0) if moment == "before" else None

    async def strike() -> None:
        await discord.wait_for(
            lambda state: len(state.requests) >= begun + number, PATIENCE_SECONDS
        )
        if moment == "after":
            await discord.wait_for(lambda state: state.requests[begun + number - 1].status)
        await asyncio.to_thread(story.server.kill)
        if late is not None:
            late.lift()
        await asyncio.to_thread(story.server.start)

    async with asyncio.TaskGroup() as group:
        group.create_task(strike())
        group.create_task(story.tell())

    await settled(story)
    story.check()
    story.server.stop()
    history_of(story.server).check()


async def settled(story: Story) -> None:
    """Until the bot has told all that there is, twice over where it would do so."""
    story.server.stop()
    story.server.start()
    await story.discord.wait_connected()
    quiet = len(story.discord.requests)

    async def is_quiet() -> bool:
        nonlocal quiet
        await asyncio.sleep(0.5)
        before, quiet = quiet, len(story.discord.requests)
        return before == quiet

    await until(is_quiet, seconds=PATIENCE_SECONDS)
