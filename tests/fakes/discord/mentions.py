"""Whom a message notifies, after allowed_mentions and the rights of its sender."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.message import Flag, Message, Pings, walk
from tests.fakes.discord.people import Permission, Role, User

_USER: Final = re.compile(r"<@!?(\d+)>")
_ROLE: Final = re.compile(r"<@&(\d+)>")
_EVERYONE: Final = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True)
class Allowed:
    """allowed_mentions, made whole. Left out of a request it allows everything."""

    every_user: bool
    every_role: bool
    everyone: bool
    users: frozenset[int]
    roles: frozenset[int]
    replied_user: bool

    @classmethod
    def of(cls, body: Json | None) -> Allowed:
        if body is None:
            return cls(True, True, True, frozenset(), frozenset(), True)
        parse = body.get("parse") or []
        return cls(
            "users" in parse,
            "roles" in parse,
            "everyone" in parse,
            frozenset(map(int, body.get("users") or [])),
            frozenset(map(int, body.get("roles") or [])),
            bool(body.get("replied_user")),
        )


def pings_of(message: Message, allowed_mentions: Json | None) -> Pings:
    """Whom a new message notifies. Embeds never do; a mention inside a code block is counted too,
    which is stricter than what people's clients show.
    """
    if message.ephemeral:
        return Pings()
    allowed = Allowed.of(allowed_mentions)
    text = _mentionable_text(message)
    users = _users(message, text, allowed)
    roles = _roles(message.channel, message.author, text, allowed)
    everyone = bool(_EVERYONE.search(text)) and allowed.everyone and _may_ping_all(message)
    return Pings(
        frozenset(users),
        frozenset(roles),
        everyone,
        _notified(message, users, roles, everyone=everyone),
        silent=bool(message.flags & Flag.SUPPRESS_NOTIFICATIONS),
    )


def _mentionable_text(message: Message) -> str:
    displays = [str(c["content"]) for c in walk(message.components) if c.get("type") == 10]
    return "\n".join([message.content, *displays])


def _users(message: Message, text: str, allowed: Allowed) -> set[User]:
    named = {int(found) for found in _USER.findall(text)}
    wanted = named if allowed.every_user else named & allowed.users
    users = {user for user in message.channel.audience() if user.id in wanted}
    if message.reply_to is not None and allowed.replied_user:
        users.add(message.reply_to.author)
    return users


def _roles(channel: Channel, author: User, text: str, allowed: Allowed) -> set[Role]:
    if channel.guild is None:
        return set()
    named = {int(found) for found in _ROLE.findall(text)}
    wanted = named if allowed.every_role else named & allowed.roles
    may_all = channel.allows(author, Permission.MENTION_EVERYONE)
    return {r for r in channel.guild.roles if r.id in wanted and (r.mentionable or may_all)}


def _may_ping_all(message: Message) -> bool:
    return message.channel.allows(message.author, Permission.MENTION_EVERYONE)


def _notified(
    message: Message, users: set[User], roles: set[Role], *, everyone: bool
) -> frozenset[User]:
    audience = set(message.channel.audience())
    reached = audience if everyone else users & audience
    guild = message.channel.guild
    if guild is not None and roles:
        holders = {m.user for m in guild.members.values() if roles & set(m.roles)}
        reached = reached | (holders & audience)
    return frozenset(reached - {message.author})
