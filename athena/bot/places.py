"""Where cards are posted: the guilds that count, their channel, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import discord

from athena.bot.config import DiscordConfig
from athena.model.task import Task

# What the bot needs in its channel, with the words that Discord's own settings use.
NEEDED: Final[Mapping[str, str]] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
}
# Without these no card can be posted at all; without the others there is a way around.
_ESSENTIAL: Final = ("view_channel", "send_messages", "embed_links")
RIGHTS: Final = discord.Permissions(**dict.fromkeys(NEEDED, True))
GUILD_KEY: Final = "discord_guild_id"


class PlaceUnusable(Exception):
    """Nothing can be posted there until a person does something; the text says what."""

    def __init__(self, text: str, guild_id: int = 0) -> None:
        super().__init__(text)
        self.guild_id = guild_id


class Places:
    """The channels of the cards, as the gateway's cache knows them now."""

    def __init__(self, client: discord.Client, config: DiscordConfig) -> None:
        self._client = client
        self._config = config

    def guilds(self) -> Iterator[discord.Guild]:
        """The guilds that count and that the bot is in, the first of the settings first."""
        if not self._config.guild_ids:
            yield from sorted(self._client.guilds, key=lambda guild: guild.id)
            return
        for guild_id in self._config.guild_ids:
            if (guild := self._client.get_guild(guild_id)) is not None:
                yield guild

    def channel_for(self, task: Task | None) -> discord.TextChannel:
        """The channel for a card: where the task was submitted, else of the first guild.

        Raises: PlaceUnusable, where there is none or cards cannot be posted in it.
        """
        said = str(task.metadata.get(GUILD_KEY, "")) if task is not None else ""
        return self.channel_near(int(said) if said.isascii() and said.isdigit() else None)

    def channel_near(self, guild_id: int | None) -> discord.TextChannel:
        """As `channel_for`, by the guild.

        A channel that is set by its id is in one guild only: all others use that one.
        """
        guilds = list(self.guilds())
        if not guilds:
            raise PlaceUnusable(self._uninvited())
        guilds.sort(key=lambda guild: guild.id != guild_id)
        guild = next((guild for guild in guilds if self._find(guild)), guilds[0])
        return self._usable(guild)

    def _usable(self, guild: discord.Guild) -> discord.TextChannel:
        channel = self._find(guild)
        if channel is None:
            wanted = self._config.channel.removeprefix("#")
            raise PlaceUnusable(f"there is no channel #{wanted} in {guild.name}", guild.id)
        missing = [NEEDED[right] for right in _missing(channel) if right in _ESSENTIAL]
        if missing:
            raise PlaceUnusable(_missing_text(channel, missing), guild.id)
        return channel

    def problems(self) -> list[str]:
        """All that keeps the bot from doing its work fully, for people."""
        guilds = list(self.guilds())
        if not guilds:
            return [self._uninvited()]
        present = {guild.id for guild in guilds}
        absent = [
            f"the bot is not in server {g}" for g in self._config.guild_ids if g not in present
        ]
        return absent + [problem for guild in guilds if (problem := self._problem(guild))]

    def _uninvited(self) -> str:
        where = (
            "none of the servers of DISCORD_GUILD_IDS" if self._config.guild_ids else "no server"
        )
        url = discord.utils.oauth_url(
            self._client.application_id or 0,
            permissions=RIGHTS,
            scopes=("bot", "applications.commands"),
        )
        return f"the bot is in {where}: invite it with {url}"

    def has_threads(self, channel_id: int) -> bool:
        """Whether threads can be made in the channel, as far as is known."""
        channel = self._client.get_channel(channel_id)
        if not isinstance(channel, discord.TextChannel):
            return True
        return not {"create_public_threads", "send_messages_in_threads"} & set(_missing(channel))

    def _problem(self, guild: discord.Guild) -> str | None:
        channel = self._find(guild)
        if channel is None:
            wanted = self._config.channel.removeprefix("#")
            # A channel that is set by its id is in one guild only: the others use that one.
            if wanted.isdigit() and any(self._find(other) for other in self.guilds()):
                return None
            return f"there is no channel #{wanted} in {guild.name}"
        missing = [NEEDED[right] for right in _missing(channel)]
        return _missing_text(channel, missing) if missing else None

    def _find(self, guild: discord.Guild) -> discord.TextChannel | None:
        wanted = self._config.channel.removeprefix("#")
        if wanted.isdigit():
            channel = guild.get_channel(int(wanted))
            return channel if isinstance(channel, discord.TextChannel) else None
        named = wanted.casefold()
        return next((c for c in guild.text_channels if c.name.casefold() == named), None)


def _missing(channel: discord.TextChannel) -> list[str]:
    me: discord.Member | None = channel.guild.me
    if me is None:  # not told yet: what is missing will show itself
        return []
    rights = channel.permissions_for(me)
    return [name for name in NEEDED if not getattr(rights, name)]


def _missing_text(channel: discord.TextChannel, missing: list[str]) -> str:
    return f"missing permissions in #{channel.name}: {', '.join(missing)}"
