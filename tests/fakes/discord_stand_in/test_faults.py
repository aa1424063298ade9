"""Mishaps by route: which requests they hit, how often, and what is carried out all the same."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn
from tests.fakes.discord_stand_in.plain_http import Rest

SEND = "POST /channels/*/messages"


async def test_lost_answer(discord: DiscordStandIn, rest: Rest, messages: str):
    """The message is there, the answer is not."""
    discord.faults.lose_answer(SEND)

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await rest("POST", messages, {"content": "x"})

    assert len(discord.state.messages) == 1
    assert discord.requests[-1].status == 0


async def test_dropped_request(discord: DiscordStandIn, rest: Rest, messages: str):
    """Neither message nor answer."""
    discord.faults.drop(SEND)

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await rest("POST", messages, {"content": "x"})

    assert discord.state.messages == []


async def test_late_answer(discord: DiscordStandIn, rest: Rest, messages: str):
    """Carried out at once, answered later."""
    discord.faults.delay_answer(SEND, seconds=0.3)

    waiting = asyncio.create_task(rest("POST", messages, {"content": "x"}))
    await discord.wait_for_message("x")

    assert not waiting.done()
    assert (await waiting)[0] == 200


async def test_faults_hit_what_they_name(discord: DiscordStandIn, rest: Rest, messages: str):
    """A route and a number; lifted or cleared, they hit no more."""
    discord.faults.fail("GET /users/*", status=503, times=2)
    lifted = discord.faults.fail("/channels/{channel_id}", times=None)
    cleared = discord.faults.fail("PUT **", times=None)
    paths = ["/users/@me", "/users/@me", "/users/@me", "/users/@me/guilds"]
    assert [(await rest("GET", path))[0] for path in paths] == [503, 503, 200, 200]
    channel = messages.removesuffix("/messages")
    assert (await rest("GET", channel))[0] == 500
    assert (await rest("PUT", f"{messages}/pins/1"))[0] == 500

    lifted.lift()
    discord.faults.clear()

    assert (await rest("GET", channel))[0] == 200
    assert (lifted.hits, cleared.hits) == (1, 1)


async def test_rate_limit_headers(discord: DiscordStandIn):
    """429 has Retry-After, `retry_after` and the header by which clients know Discord's own."""
    discord.faults.rate_limit(retry_after=7.5)

    async with aiohttp.request("GET", discord.api_url + "/gateway") as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "8"
        assert answer.headers["Via"]
        assert (await answer.json())["retry_after"] == 7.5


async def test_service_away(discord: DiscordStandIn, rest: Rest):
    """Connections are refused; then it is back on the same port."""
    await discord.go_away()
    with pytest.raises(aiohttp.ClientConnectionError):
        await rest("GET", "/users/@me")

    await discord.come_back()

    assert (await rest("GET", "/users/@me"))[0] == 200
