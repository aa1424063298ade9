"""What is said beside a task's card: in its thread, or in reply to it where there is no thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import discord
import structlog

from athena.bot import threads
from athena.bot.notices import Notice
from athena.bot.places import Places, PlaceUnusable
from athena.bot.text import Words, units
from athena.model.discord import Delivery, Outgoing, OutgoingKind
from athena.model.task import Task
from athena.service.discord import DiscordRecords
from athena.sinks.discord_cards import Cards
from athena.sinks.discord_outbox import Outbox, promptly

_log: Final = structlog.get_logger(__name__)

_PROGRESS_LINES: Final = 10
_PROGRESS_UNITS: Final = 1_800
_LINES_UNITS: Final = 1_900


class Posts:
    """Posts in threads and channels, each once."""

    def __init__(
        self,
        outbox: Outbox,
        records: DiscordRecords,
        cards: Cards,
        places: Places,
        words: Words,
    ) -> None:
        self._outbox = outbox
        self._records = records
        self._cards = cards
        self._places = places
        self._words = words

    async def to_channel(self, delivery: Delivery, notice: Notice, through: int) -> Delivery:
        """Say it in the channel, in reply to the card where there is one."""
        return await self._to_channel(delivery, OutgoingKind.NOTICE, notice, through)

    async def to_thread(
        self, delivery: Delivery, task: Task, notice: Notice, through: int
    ) -> Delivery:
        """Say it in the task's thread; further progress starts a message of its own, below it."""
        delivery = await self._with_thread(delivery, task)
        delivery = replace(delivery, progress_id=None, progress="")
        return await self._send(delivery, OutgoingKind.NOTICE, notice, through)

    async def question(
        self, delivery: Delivery, task: Task, notice: Notice, through: int, question_id: int
    ) -> Delivery:
        """As `to_thread`, for the message of a question."""
        delivery = await self._with_thread(delivery, task)
        delivery = replace(delivery, progress_id=None, progress="")
        return await self._send(delivery, OutgoingKind.QUESTION, notice, through, question_id)

    async def lines(
        self, delivery: Delivery, task: Task, lines: Sequence[str], through: int
    ) -> Delivery:
        """Tell the thread some lines; of too many, the last ones."""
        text = "\n".join(lines)
        while units(text) > _LINES_UNITS:
            text = text.partition("\n")[2] or text[:_LINES_UNITS]
        return await self.to_thread(delivery, task, Notice(content=text), through)

    async def progress(
        self, delivery: Delivery, task: Task, lines: Sequence[str], through: int
    ) -> Delivery:
        """Tell the thread how far the holder is, in one message that grows."""
        delivery = await self._with_thread(delivery, task)
        shown = [*delivery.progress.splitlines(), *lines][-_PROGRESS_LINES:]
        while len(shown) > 1 and units("\n".join(shown)) > _PROGRESS_UNITS:
            shown = shown[1:]
        text = "\n".join(shown)
        if delivery.progress_id is not None and delivery.thread_id is not None:
            thread = self._outbox.channel(delivery.thread_id)
            try:
                message = thread.get_partial_message(delivery.progress_id)
                await promptly(message.edit(content=text))
            except discord.DiscordServerError:
                raise
            except discord.HTTPException:
                text = "\n".join(lines)  # archived, or deleted: a new message revives the thread
            else:
                delivery = replace(delivery, progress=text, delivered=through)
                await self._records.save(delivery)
                return delivery
        return await self._send(delivery, OutgoingKind.PROGRESS, Notice(content=text), through)

    # Places

    async def _with_thread(self, delivery: Delivery, task: Task) -> Delivery:
        if delivery.thread_id is not None or delivery.card_id is None:
            return delivery
        if not self._places.has_threads(delivery.channel_id):
            return delivery
        card = self._cards.message(delivery)
        thread_id = await promptly(threads.start(card, task, self._words))
        if thread_id is None:
            return delivery
        delivery = replace(delivery, thread_id=thread_id)
        await self._records.save(delivery)
        return delivery

    async def _send(
        self,
        delivery: Delivery,
        kind: OutgoingKind,
        notice: Notice,
        through: int,
        question_id: int | None = None,
    ) -> Delivery:
        """Where there is no thread, or it was deleted or locked, the channel is told instead."""
        if delivery.thread_id is not None:
            outgoing = self._outbox.new(kind, delivery.task_id, delivery.thread_id, through, notice)
            try:
                return await self._post(
                    delivery, replace(outgoing, question_id=question_id), notice
                )
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as refusal:
                _log.info("thread is lost", task=delivery.task_id, reason=refusal.text)
                delivery = replace(delivery, thread_id=None, progress_id=None, progress="")
                await self._records.save(delivery)
        if kind is OutgoingKind.PROGRESS:
            # The card shows it too; a line in the channel for each would bury everything else.
            return replace(delivery, delivered=through)
        return await self._to_channel(delivery, kind, notice, through, question_id)

    async def _to_channel(
        self,
        delivery: Delivery,
        kind: OutgoingKind,
        notice: Notice,
        through: int,
        question_id: int | None = None,
    ) -> Delivery:
        if delivery.card_id is None:
            channel = self._places.channel_near(delivery.guild_id)
            delivery = replace(delivery, guild_id=channel.guild.id, channel_id=channel.id)
        outgoing = self._outbox.new(kind, delivery.task_id, delivery.channel_id, through, notice)
        outgoing = replace(outgoing, reply_to=delivery.card_id, question_id=question_id)
        try:
            return await self._post(delivery, outgoing, notice)
        except (discord.NotFound, discord.Forbidden) as refusal:
            if refusal.code == threads.UNKNOWN_CHANNEL:
                await self._cards.forget(delivery, refusal)
            raise PlaceUnusable(
                f"nothing can be posted: {refusal.text}", delivery.guild_id
            ) from refusal

    async def _post(self, delivery: Delivery, outgoing: Outgoing, notice: Notice) -> Delivery:
        """Send it. A question may have been begun before: Discord knows it by its nonce then."""
        begun = await self._outbox.begun(delivery.task_id)
        again = (
            begun is not None
            and begun.kind is outgoing.kind is OutgoingKind.QUESTION
            and (begun.question_id, begun.channel_id) == (outgoing.question_id, outgoing.channel_id)
        )
        if begun is not None and again:
            outgoing = replace(outgoing, nonce=begun.nonce, begun_at=begun.begun_at)
        message_id = await self._outbox.send(outgoing, notice.controls)
        # Where it was begun before, Discord may have given back what it said then.
        shown = "" if again else notice.digest
        return await self._outbox.record(delivery, outgoing, message_id, shown=shown)
