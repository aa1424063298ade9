"""What the bot is told by the settings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordConfig:
    """Where the bot signs in, whom it obeys, and where it writes.

    - `guild_ids`: the servers that may use it; none: all that it was invited to
    - `channel`: the channel of the cards, by name or id
    - `roles`, `users`: who may act, by id or name; none of both: everybody in the servers
    - `admin_roles`: who may pause, resume and allow actions; none: whoever may manage the server
    - `secrets`: texts that must never be sent, whoever says them
    """

    token: str = field(repr=False)
    guild_ids: tuple[int, ...] = ()
    channel: str = "claude-tasks"
    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    admin_roles: tuple[str, ...] = ()
    api_url: str | None = None
    gateway_url: str | None = None
    public_url: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
