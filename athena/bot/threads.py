"""A task's thread: made from its card, found again, archived at the end."""

from __future__ import annotations

from typing import Final

import discord
import structlog

from athena.bot.text import Words
from athena.model.task import Task

_log: Final = structlog.get_logger(__name__)
# The longest that Discord offers, in minutes: a thread archived after an hour looks deleted.
_AUTO_ARCHIVE_MINUTES: Final = 10_080
_NAME_UNITS: Final = 100
# Discord's codes.
_THREAD_EXISTS: Final = 160_004
THREAD_ARCHIVED: Final = 50_083
UNKNOWN_CHANNEL: Final = 10_003
UNKNOWN_MESSAGE: Final = 10_008


def name_of(task: Task, words: Words) -> str:
    """The thread's name, given once: renaming is limited to twice in ten minutes."""
    return words.plain(f"#{task.id} {task.description}", _NAME_UNITS)


async def start(card: discord.PartialMessage, task: Task, words: Words) -> int | None:
    """The id of the card's thread, made where there is none; None where Discord refuses one.

    It refuses without the permission, and where a server has 1,000 active threads.
    """
    try:
        thread = await card.create_thread(
            name=name_of(task, words), auto_archive_duration=_AUTO_ARCHIVE_MINUTES
        )
    except discord.DiscordServerError:
        raise
    except discord.HTTPException as refusal:
        if refusal.code == _THREAD_EXISTS:
            return card.id  # a thread has the id of the message that it was made from
        _log.warning("no thread for a card", task=task.id, reason=refusal.text)
        return None
    return thread.id


async def archive(client: discord.Client, thread_id: int) -> None:
    """Put the thread of an ended task away: a server has room for 1,000 active ones."""
    try:
        await client.http.edit_channel(thread_id, archived=True)
    except discord.HTTPException as refusal:
        _log.debug("thread not archived", thread=thread_id, reason=refusal.text)


async def unarchive(client: discord.Client, thread_id: int) -> None:
    """Open a thread again in which something has to be edited.

    Raises: discord.HTTPException, such as where it is locked.
    """
    await client.http.edit_channel(thread_id, archived=False)
