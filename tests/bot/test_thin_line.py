"""From `/task` in Discord to "✅ Task #1 completed"."""

from __future__ import annotations

from tests.bot.conftest import Athena
from tests.fakes.discord import DiscordStandIn, User


async def test_task_from_discord_is_told_to_its_end(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """The card follows the task, the thread tells who has it, the end mentions the submitter."""
    answer = await discord.slash(alice, "task", description="Deploy new service", priority="high")
    assert "Task #1 queued" in answer.text
    card = await athena.card(1)

    beat = {"instance": "macbook-pro", "name": "MacBook Pro"}
    await athena.ask("POST", "/api/instance/heartbeat", beat)
    await athena.claim(1)
    await discord.wait_for_message("Task #1 claimed by MacBook Pro", in_=None)
    await athena.complete(1, notes="All green", result={"success": True, "total_cost_usd": 0.42})

    end = await discord.wait_for_message("✅ Task #1 completed")
    assert end.reply_to is card
    assert "All green" in end.text
    assert "$0.42" in end.text
    assert discord.state.pings_of(alice) == [end]
    assert card.thread is not None
    assert "claimed by MacBook Pro" in card.thread.messages[-1].text
    await discord.wait_for(lambda _: card.thread is not None and card.thread.archived)
    assert "completed" in card.text
