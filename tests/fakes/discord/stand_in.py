"""The stand-in as a whole: a server on loopback, its guilds, and what tests see of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self, TypeVar

from aiohttp import web

from tests.fakes.discord.actions import Actions
from tests.fakes.discord.call import API
from tests.fakes.discord.channel import Channel, Guild
from tests.fakes.discord.describe import describe
from tests.fakes.discord.driver import Driver
from tests.fakes.discord.faults import Faults
from tests.fakes.discord.gateway import NO_INTENTS, Gateway, Intent
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.limits import RateLimits
from tests.fakes.discord.message import Message
from tests.fakes.discord.openapi import document_path, shared_openapi
from tests.fakes.discord.people import NONE, Member, Overwrite, Permission, Role, User
from tests.fakes.discord.render import channel_json, guild_create_json, member_json, role_json
from tests.fakes.discord.rest import BODY_BYTES_MAX, Rest
from tests.fakes.discord.routes.channels import ChannelRoutes
from tests.fakes.discord.routes.commands import CommandRoutes
from tests.fakes.discord.routes.guilds import GuildRoutes
from tests.fakes.discord.routes.interactions import InteractionRoutes
from tests.fakes.discord.routes.messages import MessageRoutes
from tests.fakes.discord.state import Refusal, Request, State, Violation

TOKEN: Final = "MTAwMDAwMDAwMDAwMDAwMDAw.stand-in.bot-token-of-the-tests"
# What the project's documentation asks for in the invite link.
INVITED: Final = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
)
Seen = TypeVar("Seen")


class DiscordStandIn(Driver):
    """Discord on loopback, for one bot. Use as an async context manager.

    `state` holds everything; `faults` and `gateway` make mishaps; the methods of Driver act as
    people. With `rate_limits` the limits of Discord are enforced (429), else only reported as wide.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = TOKEN,
        bot_name: str = "athena",
        channels: Iterable[str] = ("general", "claude-tasks"),
        bot_permissions: Permission = INVITED,
        heartbeat_seconds: float = 41.25,
        privileged_intents: Intent = NO_INTENTS,
        interaction_deadline_seconds: float = 3.0,
        interaction_token_seconds: float = 900.0,
        rate_limits: bool = False,
    ) -> None:
        self.state = State(bot_name=bot_name, token=token)
        self.faults = Faults()
        self.limits = RateLimits(self.state.clock.now, strict=rate_limits)
        actions = Actions(self.state)
        self.gateway = Gateway(
            self.state, heartbeat_seconds=heartbeat_seconds, privileged=privileged_intents
        )
        self.state.publish = self.gateway.publish
        super().__init__(
            self.state, actions, self.gateway, deadline_seconds=interaction_deadline_seconds
        )
        interactions = InteractionRoutes(
            self.state,
            actions,
            deadline_seconds=interaction_deadline_seconds,
            token_seconds=interaction_token_seconds,
        )
        messages, places = MessageRoutes(self.state, actions), ChannelRoutes(self.state, actions)
        guilds, commands = GuildRoutes(self.state, actions), CommandRoutes(self.state)
        tables = [t.table() for t in (messages, places, guilds, commands, interactions)]
        path = document_path()
        self._rest = Rest(
            self.state,
            self.faults,
            self.limits,
            shared_openapi(path) if path else None,
            [route for table in tables for route in table],
        )
        self._runner: web.AppRunner | None = None
        self._reserved: socket.socket | None = None
        self._wanted_port = port
        guild = self.state.new_guild("Athena HQ", bot_permissions=bot_permissions)
        for name in channels:
            self.state.new_channel(guild, name)

    # Coming and going

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        # The reserved socket never listens: it keeps the port ours while the service is away.
        self._reserved = _bound(self._wanted_port)
        self.state.base_url = f"http://127.0.0.1:{self.port}"
        await self.come_back()

    async def stop(self) -> None:
        await self.go_away()
        if self._reserved is not None:
            self._reserved.close()

    async def go_away(self) -> None:
        """The whole service disappears: open connections break, new ones are refused."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        for site in list(runner.sites):
            await site.stop()
        self.gateway.cut()
        assert runner.server is not None
        for connection in list(runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await runner.cleanup()

    async def come_back(self, *, forgetful: bool = False) -> None:
        """It is there again, on the same port; `forgetful`: no session can be resumed."""
        if forgetful:
            self.gateway.forget_sessions()
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        self._rest.mount(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5, access_log=None)
        await self._runner.setup()
        await web.SockSite(self._runner, _bound(self.port)).start()

    @property
    def port(self) -> int:
        assert self._reserved is not None, "the stand-in has not been started"
        return int(self._reserved.getsockname()[1])

    @property
    def api_url(self) -> str:
        return self.state.base_url + API

    @property
    def gateway_url(self) -> str:
        return self.state.base_url.replace("http://", "ws://") + "/gateway"

    @property
    def environment(self) -> dict[str, str]:
        """What `athena serve` needs to find this Discord."""
        return {
            "ATHENA_DISCORD_TOKEN": self.state.token,
            "ATHENA_DISCORD_API_URL": self.api_url,
            "ATHENA_DISCORD_GATEWAY_URL": self.gateway_url,
        }

    # People and places

    @property
    def guild(self) -> Guild:
        return self.state.guild

    @property
    def bot(self) -> User:
        return self.state.bot

    def channel(self, name: str, guild: Guild | None = None) -> Channel:
        return self.state.channel(name, guild)

    def dm(self, user: User) -> Channel:
        """The direct messages between a person and the bot."""
        return self.state.dm_with(user)

    def stranger(self, name: str) -> User:
        """A person who is in none of the guilds."""
        return self.state.new_user(name)

    def member(self, name: str, *roles: Role, guild: Guild | None = None) -> User:
        """A person in a guild (the first, unless another is given)."""
        user = self.state.new_user(name)
        self.join(user, *roles, guild=guild)
        return user

    def join(self, user: User, *roles: Role, guild: Guild | None = None) -> None:
        place = guild or self.guild
        place.members[user.id] = Member(user, list(roles))
        data = {**member_json(place.members[user.id]), "guild_id": str(place.id)}
        self.state.publish("GUILD_MEMBER_ADD", data, place, None)

    def leave(self, user: User, guild: Guild | None = None) -> None:
        (guild or self.guild).members.pop(user.id, None)

    def role(
        self,
        name: str,
        permissions: Permission = NONE,
        *,
        mentionable: bool = False,
        guild: Guild | None = None,
    ) -> Role:
        place = guild or self.guild
        role = Role(self.state.ids.next(), name, permissions, mentionable)
        place.roles.append(role)
        data = {"guild_id": str(place.id), "role": role_json(role)}
        self.state.publish("GUILD_ROLE_CREATE", data, place, None)
        return role

    def give(self, user: User, *roles: Role, guild: Guild | None = None) -> None:
        """Give a member more roles."""
        place = guild or self.guild
        place.members[user.id].roles.extend(roles)

    def take(self, user: User, role: Role, guild: Guild | None = None) -> None:
        (guild or self.guild).members[user.id].roles.remove(role)

    def add_guild(
        self,
        name: str,
        *,
        channels: Iterable[str] = ("general",),
        bot_permissions: Permission = INVITED,
        has_bot: bool = True,
    ) -> Guild:
        """Another guild; a connected bot is told that it was invited."""
        guild = self.state.new_guild(name, bot_permissions=bot_permissions, has_bot=has_bot)
        for channel in channels:
            self.state.new_channel(guild, channel)
        if has_bot:
            self.state.publish("GUILD_CREATE", guild_create_json(guild, self.bot), guild, None)
        return guild

    def remove_bot(self, guild: Guild) -> None:
        """The bot is thrown out of a guild."""
        guild.members.pop(self.bot.id, None)
        self.gateway.emit("GUILD_DELETE", {"id": str(guild.id)})

    def add_channel(self, name: str, guild: Guild | None = None) -> Channel:
        return self._actions.create_channel(guild or self.guild, {"name": name})

    # What happens to places, from the side of their moderators

    def deny(self, channel: Channel, *rights: Permission) -> None:
        """Take rights in a channel from the bot, besides those already taken."""
        taken = channel.overwrites.get(self.bot.id, Overwrite(is_member=True)).deny
        for right in rights:
            taken |= right
        self._overwrite(channel, taken)

    def allow(self, channel: Channel) -> None:
        """Give the bot back what `deny` took."""
        self._overwrite(channel, NONE)

    def _overwrite(self, channel: Channel, deny: Permission) -> None:
        channel.overwrites[self.bot.id] = Overwrite(is_member=True, deny=deny)
        self.state.publish("CHANNEL_UPDATE", channel_json(channel), channel.guild, channel)

    def delete(self, thing: Channel | Message) -> None:
        """A moderator deletes a channel, a thread or a message."""
        if isinstance(thing, Channel):
            self._actions.delete_channel(thing)
        else:
            self._actions.delete(thing)

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        self._actions.update_thread(thread, {"archived": True, "locked": locked})

    def open_command(self, name: str) -> None:
        """An admin of the server lets everybody use a command, whatever the bot declared."""
        self.state.opened_commands.add(name)

    def forbid(self, secret: str, name: str = "a secret") -> None:
        """From now on a body that contains this is a violation."""
        self.state.secrets[name if name not in self.state.secrets else f"{name} {secret[:3]}…"] = (
            secret
        )

    # What tests see

    @property
    def violations(self) -> list[Violation]:
        return self.state.violations

    @property
    def refusals(self) -> list[Refusal]:
        return self.state.refusals

    @property
    def requests(self) -> list[Request]:
        return self.state.requests

    @property
    def interactions(self) -> list[Interaction]:
        return self.state.interactions

    @property
    def unanswered(self) -> list[Interaction]:
        """What people saw fail: nothing came within the deadline, or came too late."""
        overdue = self.state.clock.now() - self._deadline_seconds
        return [
            interaction
            for interaction in self.state.interactions
            if not interaction.acknowledged and interaction.created_at < overdue
        ]

    async def wait_for(
        self,
        condition: Callable[[State], Seen | None],
        timeout_seconds: float = 30.0,
        *,
        what: str = "the condition",
    ) -> Seen:
        """Wait until `condition(state)` is true, and give back what it returned.

        It is asked at every change here, and ten times a second for what changes elsewhere.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout_seconds
        while True:
            seen = condition(self.state)
            if seen:
                return seen
            if loop.time() >= give_up:
                raise AssertionError(f"{what} has not come true; Discord is:\n{self.describe()}")
            await self.state.until_changed(0.1)

    async def wait_connected(self, timeout_seconds: float = 40.0) -> None:
        """Until a bot is signed in to the gateway."""
        gateway = self.gateway
        what = "a connected bot"
        await self.wait_for(lambda _: gateway.connected, timeout_seconds, what=what)

    async def wait_ready(self, *commands: str, timeout_seconds: float = 40.0) -> None:
        """Until a bot is signed in and has registered these commands (or any)."""

        def ready(state: State) -> bool:
            there = {name for scope in state.commands.scopes for name in scope.names}
            return self.gateway.connected and (set(commands) <= there if commands else bool(there))

        await self.wait_for(ready, timeout_seconds, what="a bot with its commands")

    async def wait_for_message(
        self, text: str, *, in_: Channel | None = None, timeout_seconds: float = 30.0
    ) -> Message:
        """Until a message that contains the text stands in the channel (or anywhere)."""

        def find(state: State) -> Message | None:
            there = in_.messages if in_ else state.messages
            return next((message for message in there if text in message.text), None)

        return await self.wait_for(find, timeout_seconds, what=f"a message with {text!r}")

    def describe(self) -> str:
        """Everything that people would see, as text."""
        return describe(self.state, connected=self.gateway.connected)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound
