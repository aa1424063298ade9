"""How an interaction is answered: acknowledged in time, once, whatever happens behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final, TypeVar

import discord

from athena.bot.buttons import Button, view_of

T = TypeVar("T")

# Discord gives 3 seconds, and its own answer may be slow: what takes longer than this is deferred.
_SECONDS_BEFORE_DEFERRING: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person gets to see. `public`: everybody in the channel sees it."""

    content: str = ""
    embed: discord.Embed | None = None
    buttons: Sequence[Button] = ()
    file: discord.File | None = None
    public: bool = False


async def in_time(
    interaction: discord.Interaction, work: Awaitable[T], *, public: bool = False
) -> T:
    """Wait for the work, showing "thinking…" where it takes long."""
    working = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({working}, timeout=_SECONDS_BEFORE_DEFERRING)
        if not done and not interaction.response.is_done():
            await interaction.response.defer(ephemeral=not public, thinking=True)
        return await working
    finally:
        working.cancel()


async def answer(interaction: discord.Interaction, said: Answer) -> None:
    """Show the answer, in place of "thinking…" if that is shown.

    An answer is never a follow-up: discord.py repeats those after a lost reply, without the means
    to let Discord know that it is the same one.
    """
    view = view_of(said.buttons)
    embeds = [said.embed] if said.embed else []
    files = [said.file] if said.file else []
    if interaction.response.is_done():
        await interaction.edit_original_response(
            content=said.content or None, embeds=embeds, view=view, attachments=files
        )
        return
    await interaction.response.send_message(
        said.content or None,
        embeds=embeds,
        view=view,
        files=files,
        ephemeral=not said.public,
        suppress_embeds=not said.embed,
    )


async def turn_page(interaction: discord.Interaction, said: Answer) -> None:
    """Show the answer in place of the message whose button was pressed."""
    await interaction.response.edit_message(
        content=said.content or None,
        embeds=[said.embed] if said.embed else [],
        view=view_of(said.buttons),
    )


def text_file(name: str, text: str) -> discord.File:
    """A text as a file beside an answer."""
    return discord.File(BytesIO(text.encode("utf-8", "replace")), filename=name)
