"""Registers the commands with Discord, only when they have changed.

Discord allows 200 new commands a day; a bot that registers at every start has none one day. So a
fingerprint of what was registered is kept for each scope, over restarts.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import discord
import structlog
from discord import app_commands

from athena.bot.config import DiscordConfig
from athena.service.discord import DiscordRecords

_log: Final = structlog.get_logger(__name__)

# In the `extras` of a command that needs an admin.
NEEDS_ADMIN: Final = "needs_admin"
GLOBAL: Final = "global"
_WAIT_SECONDS: Final = 5.0
_WAIT_SECONDS_MAX: Final = 3_600.0
_REQUEST_SECONDS_MAX: Final = 60.0
_TRIED_AGAIN: Final = (discord.DiscordException, OSError, TimeoutError)

Payload = list[dict[str, Any]]


def payload_of(tree: app_commands.CommandTree[Any], config: DiscordConfig) -> Payload:
    """The commands as Discord is told of them."""
    payload = []
    for command in tree.get_commands(type=None):
        described = dict(command.to_dict(tree))
        described["default_member_permissions"] = _shown_to(command.extras, config)
        payload.append(described)
    return sorted(payload, key=lambda described: (described["type"], described["name"]))


def _shown_to(extras: Mapping[Any, Any], config: DiscordConfig) -> str:
    """Whom Discord offers a command to; who may use it is checked again when they do."""
    manages = extras.get(NEEDS_ADMIN) and not config.admin_roles
    rights = discord.Permissions(manage_guild=True) if manages else None
    return str((rights or discord.Permissions(send_messages=True)).value)


def fingerprint_of(payload: Payload, *, scope: str, application_id: int) -> str:
    """What changes where anything about the registration would."""
    text = json.dumps([scope, application_id, payload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class CommandSync:
    """Brings Discord's list of commands up to date, and lets go of it where it is."""

    def __init__(
        self,
        client: discord.Client,
        tree: app_commands.CommandTree[Any],
        config: DiscordConfig,
        records: DiscordRecords,
    ) -> None:
        self._client = client
        self._config = config
        self._records = records
        self._payload = payload_of(tree, config)

    async def run(self) -> None:
        """Try until every scope is as it should be."""
        wait = _WAIT_SECONDS
        while not await self.run_once():
            await asyncio.sleep(wait)
            wait = min(2 * wait, _WAIT_SECONDS_MAX)

    async def run_once(self) -> bool:
        """Register what has changed; whether nothing is left to do."""
        known = await self._records.commands()
        wanted = self._wanted(known)
        results = [
            await self._bring(scope, payload, known.get(scope)) for scope, payload in wanted.items()
        ]
        return all(results)

    def _wanted(self, known: Mapping[str, str]) -> dict[str, Payload]:
        """The commands of each scope; those of a scope no longer used are to go.

        Commands that stand in a guild and globally would be offered twice.
        """
        used = [str(guild_id) for guild_id in self._config.guild_ids] or [GLOBAL]
        unused = [scope for scope in (GLOBAL, *known) if scope not in used]
        return {scope: [] for scope in unused} | dict.fromkeys(used, self._payload)

    async def _bring(self, scope: str, payload: Payload, known: str | None) -> bool:
        application_id = self._client.application_id or 0
        fingerprint = fingerprint_of(payload, scope=scope, application_id=application_id)
        if fingerprint == known:
            return True
        try:
            async with asyncio.timeout(_REQUEST_SECONDS_MAX):
                if payload or known is not None or await self._has_any(application_id):
                    await self._put(scope, payload, application_id)
        except _TRIED_AGAIN as error:
            if payload or not isinstance(error, discord.Forbidden):
                _log.warning("commands not registered", scope=scope, reason=str(error))
                return False
            # A server that the bot has left keeps none of its commands.
        await self._records.save_commands(scope, fingerprint)
        _log.info("commands registered", scope=scope, commands=len(payload))
        return True

    async def _has_any(self, application_id: int) -> bool:
        """Whether commands stand globally that a lost store knew of."""
        return bool(await self._client.http.get_global_commands(application_id))

    async def _put(self, scope: str, payload: Payload, application_id: int) -> None:
        http = self._client.http
        if scope == GLOBAL:
            await http.bulk_upsert_global_commands(application_id, payload)
        else:
            await http.bulk_upsert_guild_commands(application_id, int(scope), payload)
