"""Guilds and channels (text channels, threads, direct messages) with what was said in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.fakes.discord.message import Message
from tests.fakes.discord.people import (
    NONE,
    Member,
    Overwrite,
    Permission,
    Role,
    User,
    base_permissions,
    channel_permissions,
)


class ChannelType:
    TEXT = 0
    DM = 1
    PUBLIC_THREAD = 11


# What people may do in a direct message.
DM_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.READ_MESSAGE_HISTORY
)


@dataclass(eq=False)
class Guild:
    """A server. Its @everyone role has the guild's own id, as Discord's has."""

    id: int
    name: str
    owner: User
    everyone: Role
    roles: list[Role] = field(default_factory=list)
    members: dict[int, Member] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    has_bot: bool = True

    def member(self, user: User) -> Member | None:
        return self.members.get(user.id)

    def permissions(self, user: User) -> Permission:
        member = self.member(user)
        if member is None:
            return NONE
        return base_permissions(self.everyone, member, owner=user is self.owner)

    @property
    def active_threads(self) -> list[Channel]:
        return [c for c in self.channels if c.is_thread and not c.archived]


@dataclass(eq=False)
class Channel:
    """A place for messages. Threads have a parent, direct messages a recipient and no guild."""

    id: int
    name: str
    type: int = ChannelType.TEXT
    guild: Guild | None = None
    parent: Channel | None = None
    recipient: User | None = None
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    history: list[Message] = field(default_factory=list)
    owner: User | None = None
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 4320
    archive_changed_at: datetime = field(default_factory=lambda: datetime.now(tz=UTC))
    thread_members: set[int] = field(default_factory=set)
    renames: int = 0
    rate_limit_per_user: int = 0

    @property
    def is_thread(self) -> bool:
        return self.parent is not None

    @property
    def messages(self) -> list[Message]:
        """What stands there for everybody, oldest first: no ephemeral, deleted or system ones."""
        return [m for m in self.history if not (m.ephemeral or m.deleted or m.system)]

    @property
    def threads(self) -> list[Channel]:
        there = self.guild.channels if self.guild else []
        return [channel for channel in there if channel.parent is self]

    def message(self, message_id: int) -> Message | None:
        """The message of that id if it still stands (also an ephemeral one)."""
        return next((m for m in self.history if m.id == message_id and not m.deleted), None)

    def permissions(self, user: User) -> Permission:
        """What a user may do here; threads take their parent's rights."""
        if self.guild is None:
            there = self.recipient is user or user.bot
            return DM_PERMISSIONS if there else NONE
        member = self.guild.member(user)
        if member is None:
            return NONE
        place = self.parent or self
        base = self.guild.permissions(user)
        return channel_permissions(base, self.guild.everyone, member, place.overwrites)

    def allows(self, user: User, *wanted: Permission) -> bool:
        granted = self.permissions(user)
        return all(permission in granted for permission in wanted)

    def audience(self) -> Iterable[User]:
        """Who can see what is said here."""
        if self.guild is None:
            return [self.recipient] if self.recipient else []
        everybody = (member.user for member in self.guild.members.values())
        return [user for user in everybody if self.allows(user, Permission.VIEW_CHANNEL)]

    def set_archived(self, archived: bool) -> None:
        if self.archived != archived:
            self.archived = archived
            self.archive_changed_at = datetime.now(tz=UTC)

    def __repr__(self) -> str:
        return f"<Channel {self.name} {self.id}>"
