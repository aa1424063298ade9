"""Who may use the bot: decided anew at every interaction, whatever Discord has let through.

A server's admins can open any command to anybody in Discord's own settings, everybody sees every
button, and a form may be sent long after a role was taken away: so only this counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import discord

from athena.bot.config import DiscordConfig
from athena.model.errors import Forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is asking: in which guild (None: in private), as whom, with which roles."""

    guild_id: int | None
    user_id: int
    user_name: str
    roles: frozenset[str]
    manages_guild: bool


def person_of(interaction: discord.Interaction) -> Person:
    """The person behind an interaction; roles count by id and by name."""
    user = interaction.user
    roles: set[str] = set()
    if isinstance(user, discord.Member):
        for role in user.roles:
            roles |= {str(role.id), role.name.casefold().removeprefix("@")}
    rights = interaction.permissions
    return Person(
        guild_id=interaction.guild_id,
        user_id=user.id,
        user_name=user.name,
        roles=frozenset(roles),
        manages_guild=rights.manage_guild or rights.administrator,
    )


def check_may_act(person: Person, config: DiscordConfig) -> None:
    """Let pass whoever may submit, look and change.

    Raises: Forbidden.
    """
    if person.guild_id is None:
        raise Forbidden("Athena is used in a server, not in private messages.")
    if config.guild_ids and person.guild_id not in config.guild_ids:
        raise Forbidden("Athena does not work for this server.")
    restricted = bool(config.roles or config.users)
    if restricted and not (_is_named(person, config) or _has_any(person, config.admin_roles)):
        raise Forbidden("You may not use Athena here. Its owner decides which roles may.")


def check_may_administer(person: Person, config: DiscordConfig) -> None:
    """Let pass whoever may also stop and start the queue.

    Raises: Forbidden.
    """
    if config.admin_roles:
        allowed, needed = _has_any(person, config.admin_roles), "one of Athena's admin roles"
    else:
        allowed, needed = person.manages_guild, "the permission Manage Server"
    if not allowed:
        raise Forbidden(f"You need {needed} for that.")


def _is_named(person: Person, config: DiscordConfig) -> bool:
    users = {user.casefold() for user in config.users}
    return (
        str(person.user_id) in users
        or person.user_name.casefold() in users
        or _has_any(person, config.roles)
    )


def _has_any(person: Person, roles: Iterable[str]) -> bool:
    return any(role.removeprefix("@").casefold() in person.roles for role in roles)
