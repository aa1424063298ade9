"""Who may use the bot."""

from __future__ import annotations

import pytest

from athena.bot.config import DiscordConfig
from athena.bot.guards import Person, check_may_act, check_may_administer
from athena.model.errors import Forbidden

GUILD = 100


def config(**settings: tuple[str, ...]) -> DiscordConfig:
    return DiscordConfig(token="token", guild_ids=(GUILD,), **settings)  # type: ignore[arg-type]


def person(*roles: str, guild_id: int | None = GUILD, manages: bool = False) -> Person:
    return Person(
        guild_id=guild_id,
        user_id=7,
        user_name="alice",
        roles=frozenset(roles),
        manages_guild=manages,
    )


def may_act(who: Person, settings: DiscordConfig) -> bool:
    try:
        check_may_act(who, settings)
    except Forbidden:
        return False
    return True


def may_administer(who: Person, settings: DiscordConfig) -> bool:
    try:
        check_may_administer(who, settings)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("who", "settings", "allowed"),
    [
        (person(), config(), True),
        (person(guild_id=None), config(), False),
        (person(guild_id=999), config(), False),
        (person("dev"), config(roles=("Dev",)), True),
        (person("55"), config(roles=("55",)), True),
        (person("other"), config(roles=("dev",)), False),
        (person(), config(users=("7",)), True),
        (person(), config(users=("Alice",)), True),
        (person(), config(users=("8",)), False),
        (person("dev"), config(users=("8",), roles=("dev",)), True),
        (person("boss"), config(roles=("dev",), admin_roles=("boss",)), True),
        (person(manages=True), config(roles=("dev",)), False),
        (person("everyone"), config(roles=("@everyone",)), True),
    ],
)
def test_who_may_act(who: Person, settings: DiscordConfig, *, allowed: bool) -> None:
    """Only allowed guilds, and of them only the named roles or users where any are named."""
    assert may_act(who, settings) is allowed


@pytest.mark.parametrize(
    ("who", "settings", "allowed"),
    [
        (person(), config(), False),
        (person(manages=True), config(), True),
        (person(manages=True), config(admin_roles=("boss",)), False),
        (person("boss"), config(admin_roles=("boss",)), True),
    ],
)
def test_who_may_administer(who: Person, settings: DiscordConfig, *, allowed: bool) -> None:
    """Pausing needs an admin role; where none is set, the permission Manage Server."""
    assert may_administer(who, settings) is allowed
