"""The one place where the bot turns an error into a sentence for the person who caused it."""

from __future__ import annotations

from typing import Final

import discord
import structlog
from discord import app_commands

from athena.bot.answers import Answer, answer
from athena.bot.text import Words
from athena.model.errors import AthenaError, Invalid
from athena.service.leadership import NoLongerLeader

_log: Final = structlog.get_logger(__name__)
_SENTENCE_UNITS: Final = 1_000
# The person has waited too long, gone away, or was answered already: there is nobody to tell.
_NOBODY_LISTENS: Final = frozenset({10062, 40060, 50027})


async def refuse(interaction: discord.Interaction, error: BaseException, words: Words) -> None:
    """Tell the person why not, for nobody else to see; log what is our own fault."""
    cause = _cause(error)
    if _is_too_late(cause):
        _log.info("interaction came to nothing", interaction=interaction.id, reason=str(cause))
        return
    sentence = _sentence(cause, words)
    if sentence is None:
        _log.error("interaction failed", interaction=interaction.id, exc_info=cause)
        sentence = f"Something went wrong inside Athena (reference {interaction.id})."
    try:
        if interaction.type is discord.InteractionType.autocomplete:
            await interaction.response.autocomplete([])
            return
        await answer(interaction, Answer(content=f"⚠️ {sentence}"))
    except discord.HTTPException as second:
        _log.info("refusal was not shown", interaction=interaction.id, reason=str(second))


def _cause(error: BaseException) -> BaseException:
    if isinstance(error, app_commands.CommandInvokeError):
        return error.original
    return error


def _is_too_late(error: BaseException) -> bool:
    # The replica that leads now was asked as well: two answers would be one too many.
    if isinstance(error, discord.InteractionResponded | NoLongerLeader):
        return True
    return isinstance(error, discord.HTTPException) and error.code in _NOBODY_LISTENS


def _sentence(error: BaseException, words: Words) -> str | None:
    match error:
        case Invalid(errors=[_, *_] as faults):
            text = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
            return words.line(f"That cannot be: {text}.", _SENTENCE_UNITS)
        case AthenaError():
            return words.line(error.detail, _SENTENCE_UNITS)
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return "This command has changed. Reload Discord (Ctrl+R) and try again."
        case app_commands.TransformerError():
            return "That value cannot be used here."
        case _:
            return None
