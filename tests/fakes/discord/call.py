"""One request on its way through the API: its parsed body, and what routes ask of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from aiohttp.web_request import FileField

from tests.fakes.discord.actions import Upload
from tests.fakes.discord.channel import Channel, Guild
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Message
from tests.fakes.discord.people import Permission
from tests.fakes.discord.state import Request, State

API: Final = "/api/v10"


@dataclass
class Call:
    """A request that has been read. `body` is its JSON, `files` what came along in a multipart."""

    state: State
    record: Request
    params: dict[str, str]
    body: Body = None
    files: dict[int, Upload] = field(default_factory=dict)

    @property
    def json(self) -> Json:
        return self.body if isinstance(self.body, dict) else {}

    @property
    def query(self) -> dict[str, str]:
        return self.record.query

    def id(self, name: str) -> int:
        """A snowflake from the path; one that is none is answered as Discord does."""
        text = self.params[name]
        if not text.isdecimal():
            code, message = "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.'
            raise DiscordError(Refused.INVALID_FORM_BODY, [Problem((name,), code, message)])
        return int(text)

    def guild(self) -> Guild:
        guild = self.state.guilds.get(self.id("guild_id"))
        if guild is None or self.state.bot.id not in guild.members:
            raise DiscordError(Refused.UNKNOWN_GUILD)
        return guild

    def channel(self, *rights: Permission) -> Channel:
        """The channel in the path, which the bot sees and where it has those rights."""
        channel = self.state.find_channel(self.id("channel_id"))
        if channel is None:
            raise DiscordError(Refused.UNKNOWN_CHANNEL)
        self.require(channel, *rights)
        return channel

    def require(self, channel: Channel, *rights: Permission) -> None:
        """Raises DiscordError: 50001 where the bot cannot see the channel, 50013 otherwise."""
        if not channel.allows(self.state.bot, Permission.VIEW_CHANNEL):
            raise DiscordError(Refused.MISSING_ACCESS)
        if not channel.allows(self.state.bot, *rights):
            raise DiscordError(Refused.MISSING_PERMISSIONS)

    def message(self, channel: Channel, name: str = "message_id") -> Message:
        """A message of the channel, by the bot's token: ephemeral ones are unknown to it."""
        message = channel.message(self.id(name))
        if message is None or message.ephemeral:
            raise DiscordError(Refused.UNKNOWN_MESSAGE)
        return message


@dataclass(frozen=True)
class Reply:
    """An answer other than 200 with a body, or 204 without one."""

    status: int
    body: Body = None


Handler = Callable[[Call], Body]
Rules = Callable[[Body], list[Problem]]


@dataclass(frozen=True)
class Route:
    """A row of the API: `rules` judge the body's form; `signed` routes need the bot's token."""

    method: str
    template: str
    handler: Handler
    rules: Rules | None = None
    signed: bool = True


async def read_body(request: web.Request) -> tuple[Body, dict[int, Upload]]:
    """JSON, or `payload_json` with files.

    Raises DiscordError: 50109 for what is no JSON.
    """
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request)
    raw = await request.read()
    return (_parsed(raw) if raw else None), {}


async def _read_multipart(request: web.Request) -> tuple[Body, dict[int, Upload]]:
    form = await request.post()
    files: dict[int, Upload] = {}
    for name, value in form.items():
        if isinstance(value, FileField):
            number = name.removeprefix("files[").removesuffix("]")
            upload = Upload(value.filename, value.file.read(), value.content_type)
            files[int(number) if number.isdecimal() else len(files)] = upload
    payload = form.get("payload_json", "{}")
    return _parsed(payload if isinstance(payload, str) else "{}"), files


def _parsed(raw: str | bytes) -> Body:
    try:
        return json.loads(raw)
    except ValueError:
        raise DiscordError(Refused.INVALID_JSON) from None


def strings(body: Body) -> Iterator[str]:
    """Every text in a body, keys included."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, dict):
        for key, value in body.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(body, list):
        for item in body:
            yield from strings(item)
