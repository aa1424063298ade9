"""Messages that are sent once, whatever happens between asking Discord and hearing its answer.

Each is written down before it is sent, with a nonce that makes Discord refuse a repeat for some
minutes. One that was begun and not crossed out, after a crash or a lost answer, is looked up in
the history of its channel before it is sent again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

import discord

from athena.bot.answers import text_file
from athena.bot.buttons import Control, view_of
from athena.bot.cards import Card, is_card_of
from athena.bot.notices import Notice
from athena.bot.questions import is_message_of
from athena.model.clock import Clock
from athena.model.discord import Delivery, Outgoing, OutgoingKind, QuestionMessage
from athena.model.question import QuestionId
from athena.service.discord import DiscordRecords

# The clock of this machine and Discord's may differ by so much.
_CLOCKS_DIFFER: Final = timedelta(minutes=10)
_LOOKED_AT_MAX: Final = 300
# Discord's codes for a file or an embed without the right to it, and for a reply without the right
# to read what it replies to.
_RIGHT_TO_A_PART_MISSING: Final = frozenset({50_013, 160_002})


# How long to wait for one request. discord.py tries a failing one again for 25 s, and may let
# nothing else of its kind through meanwhile: one message that fails must not hold up all others.
# Whoever fails so tries again with more patience, in case all of Discord is slow.
patience: Final[ContextVar[float]] = ContextVar("patience", default=8.0)

T = TypeVar("T")


async def promptly(request: Awaitable[T]) -> T:
    """What the request gives.

    Raises: TimeoutError, where that takes too long; what the request raises.
    """
    async with asyncio.timeout(patience.get()):
        return await request


class Outbox:
    """Sends one message of a task at a time."""

    def __init__(self, client: discord.Client, records: DiscordRecords, clock: Clock) -> None:
        self._client = client
        self._records = records
        self._clock = clock

    def new(
        self,
        kind: OutgoingKind,
        task_id: int,
        channel_id: int,
        through: int,
        notice: Notice | None = None,
    ) -> Outgoing:
        """A message to send, with the words of the notice."""
        said = notice or Notice(content="")
        return Outgoing(
            task_id=task_id,
            kind=kind,
            channel_id=channel_id,
            nonce=f"{through}-{secrets.token_hex(4)}",
            through=through,
            begun_at=self._clock.now(),
            content=said.content,
            mention=said.mention,
            file_name=said.file_name,
            file_text=said.file_text,
        )

    async def begun(self, task_id: int) -> Outgoing | None:
        """The message of the task of which it is not known whether it was sent."""
        return await self._records.begun(task_id)

    async def drop(self, task_id: int) -> None:
        """Have nothing in hand for the task."""
        await self._records.drop(task_id)

    async def send(self, outgoing: Outgoing, controls: Sequence[Control] = ()) -> int:
        """Write the message down and send it; who records its effect crosses it out."""
        await self._records.begin(outgoing)
        return await self._unless_refused(outgoing.task_id, self._post(outgoing, controls))

    async def record(
        self, delivery: Delivery, sent: Outgoing, message_id: int, *, shown: str = ""
    ) -> Delivery:
        """Cross the message out, together with what it has changed.

        `shown`: the digest of what it says; empty where that is not known for certain, so that it
        is edited once more.
        """
        question: QuestionMessage | None = None
        match sent.kind:
            case OutgoingKind.CARD:
                delivery = replace(
                    delivery,
                    card_id=message_id,
                    cards_posted=delivery.cards_posted + 1,
                    shown=shown,
                )
            case OutgoingKind.PROGRESS:
                delivery = replace(
                    delivery,
                    progress_id=message_id,
                    progress=sent.content,
                    delivered=sent.through,
                )
            case OutgoingKind.NOTICE:
                delivery = replace(delivery, delivered=sent.through)
            case OutgoingKind.QUESTION:
                delivery = replace(delivery, delivered=sent.through)
                question = QuestionMessage(
                    question_id=sent.question_id or 0,
                    task_id=sent.task_id,
                    channel_id=sent.channel_id,
                    message_id=message_id,
                    shown=shown,
                )
        await self._records.finish(delivery, question)
        return delivery

    async def send_card(self, outgoing: Outgoing, card: Card) -> int:
        """As `send`, for a card."""
        await self._records.begin(outgoing)
        posting = self.channel(outgoing.channel_id).send(
            embed=card.embed,
            view=view_of(card.buttons),
            nonce=outgoing.nonce,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        return await self._unless_refused(outgoing.task_id, posting)

    async def _unless_refused(
        self, task_id: int, posting: Coroutine[Any, Any, discord.Message]
    ) -> int:
        """The id of the message; where Discord has plainly refused it, nothing is in hand."""
        try:
            return (await promptly(posting)).id
        except discord.DiscordServerError:
            raise
        except (discord.HTTPException, discord.RateLimited):
            await self._records.drop(task_id)
            raise

    async def find(self, outgoing: Outgoing) -> int | None:
        """The id of the message, if it was sent after all."""
        since = discord.utils.time_snowflake(outgoing.begun_at - _CLOCKS_DIFFER)
        history = self.channel(outgoing.channel_id).history(
            limit=_LOOKED_AT_MAX, after=discord.Object(since), oldest_first=False
        )
        async for message in history:
            if message.author == self._client.user and _is(message, outgoing):
                return message.id
        return None

    def channel(
        self, channel_id: int, *, guild_id: int | None = None
    ) -> discord.PartialMessageable:
        """A channel or thread, whether or not it is known."""
        return self._client.get_partial_messageable(channel_id, guild_id=guild_id)

    async def _post(self, outgoing: Outgoing, controls: Sequence[Control]) -> discord.Message:
        mentioned = [discord.Object(outgoing.mention)] if outgoing.mention else []
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=mentioned, replied_user=False
        )
        channel = self.channel(outgoing.channel_id)
        shown: dict[str, Any] = {"view": view_of(controls)} if controls else {}
        refusal: discord.HTTPException | None = None
        for extras in _ever_plainer(outgoing):
            try:
                return await channel.send(
                    outgoing.content,
                    nonce=outgoing.nonce,
                    allowed_mentions=mentions,
                    suppress_embeds=True,
                    **shown,
                    **extras,
                )
            except discord.HTTPException as error:
                if error.code not in _RIGHT_TO_A_PART_MISSING:
                    raise
                refusal = error
        assert refusal is not None  # noqa: S101  (the loop has run at least once)
        raise refusal


def _ever_plainer(outgoing: Outgoing) -> Iterator[dict[str, Any]]:
    """What goes with the words: a file and what they reply to, then less, then nothing."""
    extras: dict[str, Any] = {}
    if outgoing.reply_to:
        extras["reference"] = discord.MessageReference(
            message_id=outgoing.reply_to,
            channel_id=outgoing.channel_id,
            fail_if_not_exists=False,
        )
    if outgoing.file_text is not None:
        file = text_file(outgoing.file_name or "text.txt", outgoing.file_text)
        yield {**extras, "file": file}
    if extras:
        yield extras
    yield {}


def _is(message: discord.Message, outgoing: Outgoing) -> bool:
    if outgoing.kind is OutgoingKind.CARD:
        return is_card_of(message, outgoing.task_id)
    if outgoing.kind is OutgoingKind.QUESTION:
        # A person may have answered it meanwhile, and so changed its words.
        return is_message_of(message, QuestionId(outgoing.question_id or 0))
    if outgoing.reply_to:
        reference = message.reference
        if reference is not None and reference.message_id != outgoing.reply_to:
            return False
    return message.content.strip() == outgoing.content.strip()
