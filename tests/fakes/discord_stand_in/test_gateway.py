"""The gateway's own rules, by a plain websocket: what discord.py never shows, or shows late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn, Intent, Permission, User
from tests.fakes.discord.packing import ZstdStream
from tests.fakes.discord_stand_in.plain_http import Json

Frame = dict[str, Any]


class Socket:
    """One connection, uncompressed."""

    def __init__(self, stand_in: DiscordStandIn, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._token = stand_in.state.token
        self.socket = socket

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def next(self, event: str) -> Frame:
        """The next frame of that event, or of that opcode as a number."""
        while True:
            frame: Frame = await asyncio.wait_for(self.socket.receive_json(), 30)
            if event in (frame.get("t"), str(frame["op"])):
                return frame

    async def identify(self, intents: int = 1) -> Json:
        await self.send(2, {"token": self._token, "intents": intents, "properties": {}})
        ready: Json = (await self.next("READY"))["d"]
        return ready

    async def resume(self, session_id: str, sequence: int) -> None:
        await self.send(6, {"token": self._token, "session_id": session_id, "seq": sequence})

    async def close_code(self) -> int | None:
        """What the stand-in closed it with."""
        while not self.socket.closed:
            await asyncio.wait_for(self.socket.receive(), 30)
        return self.socket.close_code


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def socket(discord: DiscordStandIn, session: aiohttp.ClientSession) -> AsyncIterator[Socket]:
    async with session.ws_connect(discord.gateway_url + "?v=10&encoding=json") as connected:
        yield Socket(discord, connected)


async def test_greeting(discord: DiscordStandIn, socket: Socket):
    """HELLO, READY with the guilds' ids, then each guild; heartbeats are acknowledged."""
    assert (await socket.next("10"))["d"] == {"heartbeat_interval": 41250}

    ready = await socket.identify()

    assert [guild["unavailable"] for guild in ready["guilds"]] == [True]
    guild = (await socket.next("GUILD_CREATE"))["d"]
    assert [channel["name"] for channel in guild["channels"]] == ["general", "claude-tasks"]
    await socket.send(1, 2)
    assert await socket.next("11")


async def test_words_before_identify(socket: Socket):
    """Whoever speaks before it has said who it is, is shown out: 4003."""
    await socket.send(3, {})

    assert await socket.close_code() == 4003


async def test_wrong_token(socket: Socket):
    """4004."""
    await socket.send(2, {"token": "wrong", "intents": 1})

    assert await socket.close_code() == 4004


async def test_unspoken_compression(discord: DiscordStandIn, session: aiohttp.ClientSession):
    """What the stand-in cannot pack is refused and told, not garbled."""
    url = discord.gateway_url + "?compress=lz4-stream"
    async with session.ws_connect(url) as connected:
        assert await Socket(discord, connected).close_code() == 4002

    assert [violation.rule for violation in discord.violations] == ["gateway"]


def test_zstandard_frames_without_a_library():
    """A header once, then stored blocks of at most 128 KiB; a decoder gives back the text."""
    stream, texts = ZstdStream(), ["hello", "x" * 200_000]

    packed = b"".join(stream.pack(text) for text in texts)

    assert packed.startswith(bytes.fromhex("28b52ffd"))
    unpacked, at = b"", 6
    while at < len(packed):
        size = int.from_bytes(packed[at : at + 3], "little") >> 3
        assert size <= 1 << 17
        unpacked += packed[at + 3 : at + 3 + size]
        at += 3 + size
    assert unpacked.decode() == "".join(texts)


async def test_secrets_in_a_presence(discord: DiscordStandIn, socket: Socket):
    """Words that go over the gateway are searched as bodies are."""
    discord.forbid("ath_hush")
    await socket.identify()

    await socket.send(3, {"activities": [{"name": "ath_hush"}], "status": "online"})

    await discord.wait_for(lambda state: [v.rule for v in state.violations] == ["secret"])


async def test_bot_is_removed_from_a_guild(discord: DiscordStandIn, socket: Socket):
    """It is told, and hears and may nothing there any more."""
    await socket.identify()

    discord.remove_bot(discord.guild)

    assert (await socket.next("GUILD_DELETE"))["d"] == {"id": str(discord.guild.id)}
    assert not discord.channel("general").allows(discord.bot, Permission.VIEW_CHANNEL)


async def test_unknown_session(socket: Socket):
    """A session that is not there cannot be resumed: opcode 9, false."""
    await socket.resume("nobody", 1)

    assert (await socket.next("9"))["d"] is False


async def test_resume_replays_what_was_missed(
    discord: DiscordStandIn, socket: Socket, session: aiohttp.ClientSession
):
    """Everything after the sequence that the client names, then RESUMED."""
    ready = await socket.identify(intents=1 | Intent.GUILD_MESSAGES)
    sequence = (await socket.next("GUILD_CREATE"))["s"]
    discord.gateway.cut()
    await discord.wait_for(lambda _: not discord.gateway.connected)
    await discord.say(discord.member("alice"), "meanwhile")

    async with session.ws_connect(discord.gateway_url) as second:
        again = Socket(discord, second)
        await again.resume(ready["session_id"], sequence)

        assert (await again.next("MESSAGE_CREATE"))["s"] == sequence + 1
        assert (await again.next("RESUMED"))["s"] == sequence + 2


async def test_goodbye_ends_the_session(
    discord: DiscordStandIn, socket: Socket, session: aiohttp.ClientSession
):
    """A client that closes with 1000 does not come back to its session."""
    ready = await socket.identify()
    await socket.socket.close(code=1000)
    await discord.wait_for(lambda _: not discord.gateway.sessions)

    async with session.ws_connect(discord.gateway_url) as second:
        again = Socket(discord, second)
        await again.resume(ready["session_id"], 1)

        assert (await again.next("9"))["d"] is False


async def test_members_on_request(discord: DiscordStandIn, socket: Socket):
    """Opcode 8 gives members by id or by the beginning of their names."""
    alice = discord.member("alice")
    discord.member("bob")
    await socket.identify()
    guild = str(discord.guild.id)

    for wish in ({"user_ids": [str(alice.id)]}, {"query": "al", "limit": 5}):
        await socket.send(8, {"guild_id": guild, **wish})

        chunk = (await socket.next("GUILD_MEMBERS_CHUNK"))["d"]
        assert [member["user"]["username"] for member in chunk["members"]] == ["alice"]


async def test_hidden_channels_are_silent(discord: DiscordStandIn, socket: Socket):
    """What is said where the bot may not look does not reach it."""
    alice: User = discord.member("alice")
    await socket.identify(intents=1 | Intent.GUILD_MESSAGES)
    discord.deny(discord.channel("general"), Permission.VIEW_CHANNEL)

    await discord.say(alice, "psst")
    await discord.say(alice, "hello", in_=discord.channel("claude-tasks"))

    heard = (await socket.next("MESSAGE_CREATE"))["d"]
    assert heard["channel_id"] == str(discord.channel("claude-tasks").id)


async def test_any_event_can_be_sent(discord: DiscordStandIn, socket: Socket):
    """Also one that no client can parse."""
    await socket.identify()

    discord.gateway.emit("MESSAGE_CREATE", {"id": "no number"})

    assert (await socket.next("MESSAGE_CREATE"))["d"] == {"id": "no number"}
