"""Who is there and what they may do: users, roles, members, and Discord's permission arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntFlag


class Permission(IntFlag):
    """The permission bits that a bot like Athena, or a test of it, can meet."""

    KICK_MEMBERS = 1 << 1
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    PIN_MESSAGES = 1 << 51


ALL = Permission((1 << 53) - 1)
NONE = Permission(0)
EVERYBODY = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.ADD_REACTIONS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
)


@dataclass(eq=False)
class User:
    """An account. Whether it is a member of a guild is the guild's to know."""

    id: int
    name: str
    bot: bool = False
    takes_dms: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False)
class Role:
    id: int
    name: str
    permissions: Permission = NONE
    mentionable: bool = False
    position: int = 1

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(eq=False)
class Member:
    user: User
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None


@dataclass
class Overwrite:
    """What a channel allows or denies one role or one member, over their roles' rights."""

    is_member: bool
    allow: Permission = NONE
    deny: Permission = NONE


def base_permissions(everyone: Role, member: Member, *, owner: bool) -> Permission:
    """A member's rights in the guild, before any channel's overwrites."""
    if owner:
        return ALL
    granted = everyone.permissions
    for role in member.roles:
        granted |= role.permissions
    return ALL if granted & Permission.ADMINISTRATOR else granted


def channel_permissions(
    base: Permission,
    everyone: Role,
    member: Member,
    overwrites: Mapping[int, Overwrite],
) -> Permission:
    """A member's rights in a channel: @everyone's overwrite, then roles' together, then their own.

    Source: Discord's documentation, "Permission Overwrites". Without View Channel nothing else
    counts.
    """
    if base == ALL:
        return ALL
    granted = _apply(base, [overwrites[everyone.id]] if everyone.id in overwrites else [])
    of_roles = [overwrites[role.id] for role in member.roles if role.id in overwrites]
    granted = _apply(granted, of_roles)
    granted = _apply(granted, [overwrites[member.user.id]] if member.user.id in overwrites else [])
    return granted if granted & Permission.VIEW_CHANNEL else NONE


def _apply(granted: Permission, overwrites: Iterable[Overwrite]) -> Permission:
    allow = deny = NONE
    for overwrite in overwrites:
        allow |= overwrite.allow
        deny |= overwrite.deny
    return (granted & ~deny) | allow
