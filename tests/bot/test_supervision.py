"""Whatever Discord does, the API goes on, and the bot comes back by itself where it can."""

from __future__ import annotations

import asyncio

import pytest

from tests.bot.conftest import Athena, StartAthena
from tests.fakes.discord import DiscordStandIn, Permission, User

# Each test starts a server of its own, and some wait for Discord to come back.
pytestmark = pytest.mark.slow


async def test_discord_away_at_start_delays_only(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """What happens before Discord is there is told when it comes."""
    await discord.go_away()
    athena = await start_athena(connected=False)
    task = await athena.submit()
    await athena.claim(task)
    await athena.complete(task, notes="done")
    assert await athena.discord_state() == "connecting"

    await discord.come_back()

    end = await discord.wait_for_message(f"✅ Task #{task} completed", timeout_seconds=60)
    assert end.reply_to is await athena.card(task)
    await athena.until_discord_is("connected")
    assert (await athena.ask("GET", "/health")).body["status"] == "ok"


async def test_discord_away_for_a_while_loses_nothing(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """Cards that moved on meanwhile are brought up to date, ends are told, each once."""
    first = await athena.submit("Before")
    card = await athena.card(first)
    await discord.go_away()
    await athena.claim(first)
    await athena.complete(first, notes="while away")
    second = await athena.submit("Meanwhile")
    await athena.until_discord_is("connecting")

    await discord.come_back(forgetful=True)

    end = await discord.wait_for_message(f"✅ Task #{first} completed", timeout_seconds=60)
    assert end.reply_to is card
    await athena.card(second)
    await discord.wait_connected(60)
    assert "queued" in (await discord.slash(alice, "task", description="after")).text
    assert count(discord, f"Task #{second} ·") == 1
    assert count(discord, f"Task #{first} completed") == 1


async def test_refused_token_is_reported_and_not_repeated(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """A wrong token stays wrong: trying on would get the address banned."""
    athena = await start_athena(connected=False, DISCORD_TOKEN="MTA.wrong.token-of-nobody")
    assert await athena.until_discord_is("failed") == "failed: bad token"
    tried = len(discord.requests)
    task = await athena.submit()
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["status"] == "pending"
    assert (await athena.ask("GET", "/health")).body["status"] == "degraded"
    assert len(discord.requests) == tried


@pytest.mark.parametrize(
    ("close_code", "state"), [(4014, "failed: intents refused"), (4004, "failed: bad token")]
)
async def test_refusal_by_the_gateway_is_told_apart(
    start_athena: StartAthena, discord: DiscordStandIn, close_code: int, state: str
) -> None:
    """The gateway's refusals have names too."""
    discord.gateway.refuse_next(close_code, times=5)
    athena = await start_athena(connected=False)
    assert await athena.until_discord_is("failed") == state
    await athena.submit()


async def test_every_loss_of_the_connection_is_mended(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """Dropped, cut, asked to reconnect, session gone: commands work again each time."""
    gateway = discord.gateway
    for mishap in (gateway.drop, gateway.cut, gateway.ask_to_reconnect, gateway.invalidate):
        before = gateway.identifies + gateway.resumes
        mishap()
        await until_back(discord, before)
        await athena.until_discord_is("connected")
        assert "Status" in (await discord.slash(alice, "status")).text
    assert (await athena.ask("GET", "/health")).body["status"] == "ok"


async def test_malformed_event_is_survived(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """An event that discord.py's parser stumbles over ends one connection, not the bot."""
    gateway = discord.gateway
    before = gateway.identifies
    gateway.emit("CHANNEL_UPDATE", {"id": "no number", "guild_id": "neither"})
    await discord.wait_for(lambda _: gateway.identifies > before and gateway.connected, 60)
    await athena.until_discord_is("connected")
    assert "Status" in (await discord.slash(alice, "status")).text


async def test_missing_channel_is_named_and_waited_for(
    start_athena: StartAthena, discord: DiscordStandIn, alice: User
) -> None:
    """`/health` and `/status` say what is wrong; once set right, what waited is told."""
    athena = await start_athena(connected=False, DISCORD_CHANNEL="robots")
    state = await athena.until_discord_is("failed")
    assert "#robots" in state
    task = await athena.submit()
    assert "#robots" in (await discord.slash(alice, "status")).text

    robots = discord.add_channel("robots")

    await discord.wait_for_message(f"Task #{task} ·", in_=robots)
    await athena.until_discord_is("connected")


async def test_missing_permission_is_named_and_waited_for(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """The right by the name that Discord's settings use; no requests are wasted on refusals."""
    channel = discord.channel("claude-tasks")
    discord.deny(channel, Permission.SEND_MESSAGES)
    state = await athena.until_discord_is("failed")
    assert "Send Messages" in state
    task = await athena.submit()
    assert "Send Messages" in (await discord.slash(alice, "status")).text
    refused = len(discord.refusals)

    discord.allow(channel)

    await athena.card(task)
    await athena.until_discord_is("connected")
    assert len(discord.refusals) == refused


async def test_stopping_is_quick_and_clean(athena: Athena, discord: DiscordStandIn) -> None:
    """SIGTERM closes the connection properly, and the next life repeats nothing."""
    task = await athena.submit()
    card = await athena.card(task)
    await athena.claim(task)

    assert await asyncio.to_thread(athena.server.stop) == 0

    await discord.wait_for(lambda _: not discord.gateway.connected)
    await asyncio.to_thread(athena.server.start)
    await athena.complete(task)
    await discord.wait_for_message(f"✅ Task #{task} completed")
    assert count(discord, f"Task #{task} ·") == 1
    assert count(discord, f"Task #{task} claimed") == 1
    assert "completed" in card.text


async def test_what_people_began_before_a_restart_goes_on(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """A form that was open is queued, and old buttons work, also after kill -9."""
    form = await discord.slash(alice, "task", priority="high")
    task = await athena.submit()
    card = await athena.card(task)
    await asyncio.to_thread(athena.server.kill)
    await asyncio.to_thread(athena.server.start)
    await athena.until_discord_is("connected")

    answer = await discord.submit_modal(alice, form, {"Description": "Typed meanwhile"})
    pressed = await discord.press(alice, card, "Cancel")

    assert "queued · high" in answer.text
    assert f"Task #{task} cancelled" in pressed.text


async def until_back(discord: DiscordStandIn, before: int) -> None:
    """Until the bot has signed in once more than before."""
    gateway = discord.gateway
    await discord.wait_for(
        lambda _: gateway.identifies + gateway.resumes > before and gateway.connected, 60
    )


def count(discord: DiscordStandIn, text: str) -> int:
    """How many messages say this."""
    return sum(text in message.text for message in discord.state.messages)
