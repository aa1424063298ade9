"""From `/task` on a phone to a commit by the real `claude`, with a decision taken in Discord."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.discord import DiscordStandIn, User
from tests.fakes.model import Say, ScriptedModel
from tests.running import RunningServer
from tests.scenario.worker.workshop import Workshop, runs, writes

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60.0


async def test_a_task_from_discord_comes_back_as_a_commit(
    start_server: Callable[..., RunningServer], tmp_path: Path
):
    """Card, claim, approval by a button, and one reply with cost and commit: each once."""
    async with DiscordStandIn() as discord:
        own = {name.removeprefix("ATHENA_"): v for name, v in discord.environment.items()}
        own["DISCORD_ADMIN_ROLES"] = "Keeper"
        server = await asyncio.to_thread(lambda: start_server(**own))
        alice = discord.member("alice", discord.role("Keeper"))
        await discord.wait_ready("task", timeout_seconds=PATIENCE_SECONDS)
        with ScriptedModel() as model:
            workshop = Workshop(tmp_path / "place", server, model)
            try:
                await _told(discord, alice, workshop)
            finally:
                await asyncio.to_thread(workshop.end)


async def _told(discord: DiscordStandIn, alice: User, workshop: Workshop) -> None:
    workshop.project = {"push": True}
    workshop.script(
        "window",
        [writes("window.py", "x = 1\n"), runs("echo paint > paint.txt"), Say("A window, painted.")],
    )
    workshop.work("--once")

    await discord.slash(alice, "task", description="[script: window] A window", project="house")
    asked = await discord.wait_for_message("🔐", timeout_seconds=PATIENCE_SECONDS)
    await discord.press(alice, asked, "Allow once")
    end = await discord.wait_for_message("Task #1 completed", timeout_seconds=PATIENCE_SECONDS)

    task = await asyncio.to_thread(workshop.ended, 1)
    assert task["status"] == "completed", workshop.story(1)
    assert task["result"]["commit"][:7] in end.text
    assert "A window, painted." in end.text
    said = [message.text for message in discord.state.messages]
    for once in ("Task #1 ·", "Task #1 claimed", "**Approval 1**", "Task #1 completed"):
        assert sum(once in text for text in said) == 1, said
    assert discord.violations == []
    await asyncio.to_thread(workshop.check_nothing_is_left)
