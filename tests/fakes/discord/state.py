"""All that the stand-in remembers, and the views of it that tests read."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tests.fakes.discord.channel import Channel, ChannelType, Guild
from tests.fakes.discord.commands import CommandBook
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Attachment, Message
from tests.fakes.discord.people import EVERYBODY, Member, Permission, Role, User
from tests.fakes.discord.snowflakes import Snowflakes


class Clock:
    """The stand-in's time: the real one, and what tests add to it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, *, seconds: float = 0.0, minutes: float = 0.0) -> None:
        """Let tokens, nonces and quotas grow older at once."""
        self._ahead += seconds + 60 * minutes


@dataclass
class Request:
    """One request that reached the stand-in, and how it was answered (status 0: not at all)."""

    method: str
    path: str
    route: str
    query: dict[str, str]
    body: Body = None
    files: list[str] = field(default_factory=list)
    status: int = 0
    code: int | None = None
    answer: Body = None
    at: float = 0.0

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status or 'no answer'}" + (
            f" (code {self.code})" if self.code else ""
        )


@dataclass(frozen=True)
class Violation:
    """Something that no correct bot sends: `rule` is body, openapi, secret, route or gateway."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.where}: {self.what}"


@dataclass(frozen=True)
class Refusal:
    """An answer of 4xx: not always a fault of the bot (a deleted message, a missing right)."""

    code: int
    message: str
    request: Request

    def __str__(self) -> str:
        return f"{self.code} {self.message}: {self.request.method} {self.request.path}"


class State:
    """Everything in memory. `changed` wakes those who wait for a condition."""

    def __init__(self, *, bot_name: str, token: str) -> None:
        self.clock = Clock()
        self.ids = Snowflakes(self.clock.now)
        self.token = token
        self.bot = User(self.ids.next(), bot_name, bot=True)
        self.application_id = self.bot.id
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: dict[int, Guild] = {}
        self.dms: dict[int, Channel] = {}
        self.commands = CommandBook(self.ids)
        self.interactions: list[Interaction] = []
        self.attachments: dict[int, Attachment] = {}
        self.requests: list[Request] = []
        self.violations: list[Violation] = []
        self.refusals: list[Refusal] = []
        self.secrets: dict[str, str] = {"the bot token": token}
        self.typing: dict[int, int] = defaultdict(int)
        self.base_url = ""
        # Commands that the server's admins have opened to everybody in its settings.
        self.opened_commands: set[str] = set()
        self.active_threads_max = 1000
        self.publish: Callable[[str, Json, Guild | None, Channel | None], None] = _nobody_listens
        self._waiters: set[asyncio.Event] = set()

    def changed(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    async def until_changed(self, timeout_seconds: float) -> None:
        """Return at the next change, or when the time is up."""
        waiter = asyncio.Event()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiter.wait()
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)

    def violate(self, rule: str, where: str, what: str) -> None:
        self.violations.append(Violation(rule, where, what))

    def find_secrets(self, said: str, where: str, contents: Iterable[bytes] = ()) -> None:
        """Record each secret that a text or a file gives away."""
        files = list(contents)
        for name, secret in self.secrets.items():
            if secret in said or any(secret.encode() in content for content in files):
                self.violate("secret", where, f"the body contains {name}")

    # Views

    @property
    def guild(self) -> Guild:
        """The first guild."""
        return next(iter(self.guilds.values()))

    @property
    def all_channels(self) -> Iterator[Channel]:
        for guild in self.guilds.values():
            yield from guild.channels
        yield from self.dms.values()

    @property
    def messages(self) -> list[Message]:
        """Every message that stands for everybody, in order of its id."""
        found = [message for channel in self.all_channels for message in channel.messages]
        return sorted(found, key=lambda message: message.id)

    def channel(self, name: str, guild: Guild | None = None) -> Channel:
        """The channel or thread of that name, in the first guild unless another is given."""
        there = (guild or self.guild).channels
        for channel in there:
            if channel.name == name:
                return channel
        raise LookupError(f"no channel {name!r}; there are {[c.name for c in there]}")

    def find_channel(self, channel_id: int) -> Channel | None:
        return next((c for c in self.all_channels if c.id == channel_id), None)

    def pings_of(self, user: User) -> list[Message]:
        """The messages that notified a person, in order; deleted ones count too."""
        everything = [m for channel in self.all_channels for m in channel.history]
        notified = [m for m in everything if user in m.pings.notified]
        return sorted(notified, key=lambda message: message.id)

    def requests_to(self, method: str, ending: str = "") -> list[Request]:
        """The requests of a method whose path ends so, in order."""
        return [r for r in self.requests if r.method == method and r.path.endswith(ending)]

    # Building

    def new_guild(self, name: str, *, bot_permissions: Permission, has_bot: bool = True) -> Guild:
        guild_id = self.ids.next()
        owner = self.new_user(f"owner-of-{name}".lower().replace(" ", "-"))
        everyone = Role(guild_id, "@everyone", EVERYBODY, position=0)
        guild = Guild(guild_id, name, owner, everyone, has_bot=has_bot)
        guild.members[owner.id] = Member(owner)
        if has_bot:
            role = Role(self.ids.next(), self.bot.name, bot_permissions)
            guild.roles.append(role)
            guild.members[self.bot.id] = Member(self.bot, [role])
        self.guilds[guild_id] = guild
        return guild

    def new_user(self, name: str) -> User:
        user = User(self.ids.next(), name)
        self.users[user.id] = user
        return user

    def new_channel(self, guild: Guild, name: str, topic: str | None = None) -> Channel:
        channel = Channel(self.ids.next(), name, guild=guild, topic=topic)
        guild.channels.append(channel)
        return channel

    def dm_with(self, user: User) -> Channel:
        """The direct messages between the bot and a person, made at first use."""
        for channel in self.dms.values():
            if channel.recipient is user:
                return channel
        channel = Channel(self.ids.next(), f"dm-{user.name}", ChannelType.DM, recipient=user)
        self.dms[channel.id] = channel
        return channel


def _nobody_listens(_event: str, _data: Json, _guild: Guild | None, _to: Channel | None) -> None:
    """Before the gateway is there."""
