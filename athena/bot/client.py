"""The connection to Discord, and where interactions go: commands, buttons, forms.

Only the guilds' own events are asked for: interactions come without any intent. Nothing is cached
that grows with the number of messages or members.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import discord
import structlog
from discord import app_commands

from athena.bot import commands, components, forms
from athena.bot.config import DiscordConfig
from athena.bot.errors import refuse
from athena.bot.guards import check_may_act, check_may_administer, person_of
from athena.bot.places import Places
from athena.bot.sync import NEEDS_ADMIN
from athena.bot.text import Words
from athena.model.errors import AthenaError, Unavailable
from athena.service.services import Services

_log: Final = structlog.get_logger(__name__)

# Discord says so when a connection is held up longer than this without an answer.
_HEARTBEAT_SECONDS_MAX: Final = 60.0
# Ready as soon as no further guild was announced for so long.
_GUILDS_COME_WITHIN_SECONDS: Final = 0.5
_RATE_LIMIT_SECONDS_MAX: Final = 30.0
# One that comes again does so within seconds.
_INTERACTIONS_REMEMBERED: Final = 500


class AthenaClient(discord.Client):
    """One connection; a new one is made for each attempt to connect.

    `on_change` is called when places or rights may have changed, and on coming and going.
    """

    def __init__(
        self,
        services: Services,
        config: DiscordConfig,
        words: Words,
        *,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            heartbeat_timeout=_HEARTBEAT_SECONDS_MAX,
            guild_ready_timeout=_GUILDS_COME_WITHIN_SECONDS,
            max_ratelimit_timeout=_RATE_LIMIT_SECONDS_MAX,
            enable_debug_events=False,
        )
        self.services = services
        self.config = config
        self.words = words
        self.places = Places(self, config)
        self.tree = Tree(self)
        self.connected = False
        self.closing = False
        self._seen: deque[int] = deque(maxlen=_INTERACTIONS_REMEMBERED)
        self._on_change = on_change
        self._ask = self.http.request
        self.http.request = self._ask_as_leader  # type: ignore[method-assign]  # there is no hook

    async def _ask_as_leader(self, route: discord.http.Route, **said: Any) -> Any:
        """Send a request to Discord, unless another replica does so by now.

        A process that was stopped for a while goes on in the middle of anything.

        Raises: NoLongerLeader; what discord.py does.
        """
        self.services.leadership.check()
        return await self._ask(route, **said)

    async def setup_hook(self) -> None:
        """Called once, after signing in and before the gateway connects."""
        for command in commands.load():
            self.tree.add_command(command)

    # What the gateway says

    async def on_ready(self) -> None:
        self._set_connected(connected=True)

    async def on_resumed(self) -> None:
        self._set_connected(connected=True)

    async def on_disconnect(self) -> None:
        self._set_connected(connected=False)

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        self._on_change()

    async def on_guild_join(self, _guild: discord.Guild) -> None:
        self._on_change()

    async def on_guild_available(self, _guild: discord.Guild) -> None:
        self._on_change()

    async def on_guild_remove(self, _guild: discord.Guild) -> None:
        self._on_change()

    async def on_guild_channel_create(self, _channel: discord.abc.GuildChannel) -> None:
        self._on_change()

    async def on_guild_channel_delete(self, _channel: discord.abc.GuildChannel) -> None:
        self._on_change()

    async def on_guild_channel_update(self, _before: Any, _after: Any) -> None:
        self._on_change()

    async def on_guild_role_update(self, _before: discord.Role, _after: discord.Role) -> None:
        self._on_change()

    async def on_error(self, event_method: str, /, *_args: Any, **_kwargs: Any) -> None:
        """A handler of ours failed: the connection goes on."""
        _log.error("event handler failed", handler=event_method, exc_info=True)

    # What people do

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer buttons and forms, by what stands in their ids; commands go through the tree."""
        match interaction.type:
            case discord.InteractionType.component:
                handle = components.pressed
            case discord.InteractionType.modal_submit:
                handle = forms.submitted
            case _:
                return
        if self.has_seen(interaction):
            return
        mine = cast("discord.Interaction[AthenaClient]", interaction)
        try:
            self.check(mine)
            await handle(mine)
        except Exception as error:  # noqa: BLE001  (every interaction gets an answer)
            await refuse(interaction, error, self.words)

    def has_seen(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether Discord has delivered this one before: it may do so twice, and it counts once."""
        if interaction.id in self._seen:
            return True
        self._seen.append(interaction.id)
        return False

    def check(self, interaction: discord.Interaction[Any], *, needs_admin: bool = False) -> None:
        """Let pass who may do this.

        Raises: Forbidden; Unavailable, where Athena is about to stop or another replica answers.
        """
        self.services.leadership.check()
        if self.closing:
            raise Unavailable("Athena is restarting. Try again in a moment.")
        person = person_of(interaction)
        check_may_act(person, self.config)
        if needs_admin:
            check_may_administer(person, self.config)


class Tree(app_commands.CommandTree[AthenaClient]):
    """Checks who asks before every command and every completion, and words every refusal."""

    async def interaction_check(self, interaction: discord.Interaction[AthenaClient], /) -> bool:
        if self.client.has_seen(interaction):
            return False
        command = interaction.command
        needs_admin = bool(command is not None and command.extras.get(NEEDS_ADMIN))
        try:
            self.client.check(interaction, needs_admin=needs_admin)
        except AthenaError as refusal:
            await refuse(interaction, refusal, self.client.words)
            return False
        return True

    async def on_error(
        self,
        interaction: discord.Interaction[AthenaClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        await refuse(interaction, error, self.client.words)
