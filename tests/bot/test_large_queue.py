"""With 10,000 tasks in the queue, every command is still answered in time."""

from __future__ import annotations

import asyncio

import pytest

from tests.bot.conftest import StartAthena
from tests.fakes.discord import DiscordStandIn, User
from tests.store.engines import on_both
from tests.stored import write

TASKS = 10_000
INSERT = f"""
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {TASKS})
    INSERT INTO tasks (description, status, priority, created_at, created_via, submitter,
        updated_at, max_attempts, readiness, offered_to)
    SELECT 'Item ' || n || ' of many words', 'pending', n % 4, n, 'api', '', 0, 3, 'ready', ''
    FROM numbers
"""


@on_both
@pytest.mark.slow
async def test_commands_are_answered_with_ten_thousand_tasks(
    start_athena: StartAthena, discord: DiscordStandIn, alice: User
) -> None:
    """The stand-in gives three seconds, as Discord does, and a second of them is its own."""
    athena = await start_athena(connected=False, DISCORD_TOKEN="")
    await asyncio.to_thread(athena.server.stop)
    await asyncio.to_thread(write, athena.server, INSERT)
    athena.server.settings["ATHENA_DISCORD_TOKEN"] = discord.state.token
    await asyncio.to_thread(athena.server.start)
    await athena.until_discord_is("connected")
    discord.faults.delay("POST /interactions/**", seconds=1.0)

    queue = await discord.slash(alice, "queue")
    assert "Next page" in [button.label for button in queue.buttons]
    assert "Next page" in [b.label for b in (await discord.press(alice, queue, "Next")).buttons]
    assert "10000 pending" in (await discord.slash(alice, "status")).text
    assert "place 10000 in the queue" in (await discord.slash(alice, "why", id="9999")).text
    assert "queued" in (await discord.slash(alice, "task", description="one more")).text
    assert len(await discord.autocomplete(alice, "cancel", "id", "")) == 25
    [last] = await discord.autocomplete(alice, "cancel", "id", "item 10000")
    assert last.value == "10000"
    assert await discord.autocomplete(alice, "cancel", "id", "nothing like it") == []
