"""With 10,000 tasks in the queue, every command is still answered in time."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from tests.bot.conftest import StartAthena
from tests.fakes.discord import DiscordStandIn, User

TASKS = 10_000
INSERT = """
    INSERT INTO tasks (description, status, priority, created_at, created_via, submitter,
        updated_at, max_attempts, readiness, offered_to)
    VALUES (?, 'pending', ?, ?, 'api', '', 0, 3, 'ready', '')
"""


@pytest.mark.slow
async def test_commands_are_answered_with_ten_thousand_tasks(
    start_athena: StartAthena, discord: DiscordStandIn, alice: User
) -> None:
    """The stand-in gives three seconds, as Discord does, and a second of them is its own."""
    athena = await start_athena(connected=False, DISCORD_TOKEN="")
    await asyncio.to_thread(athena.server.stop)
    with closing(sqlite3.connect(athena.server.database)) as db:
        rows = [(f"Item {n} of many words", n % 4, n) for n in range(1, TASKS + 1)]
        db.executemany(INSERT, rows)
        db.commit()
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
