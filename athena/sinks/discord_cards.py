"""The card of a task on Discord: posted once, edited in place, posted again once if deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import discord
import structlog

from athena.bot import threads
from athena.bot.buttons import view_of
from athena.bot.cards import Card
from athena.bot.places import Places, PlaceUnusable
from athena.model.discord import Delivery, OutgoingKind
from athena.model.task import Task
from athena.service.discord import DiscordRecords
from athena.sinks.discord_outbox import Outbox, promptly

_log: Final = structlog.get_logger(__name__)

_CARDS_MAX: Final = 2
_BAD_REQUEST: Final = 400
_CARD_IS_GONE: Final = frozenset({threads.UNKNOWN_CHANNEL, threads.UNKNOWN_MESSAGE})


class Cards:
    """Keeps the card of each task as it should be."""

    def __init__(self, outbox: Outbox, records: DiscordRecords, places: Places) -> None:
        self._outbox = outbox
        self._records = records
        self._places = places

    async def ensure(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        """Post the card where there is none."""
        if delivery.card_id is not None or delivery.cards_posted >= _CARDS_MAX:
            return delivery
        try:
            return await self._post(delivery, task, card)
        except discord.HTTPException as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            # A card that Discord finds wrong must not keep back the news of the task's end.
            _log.warning("card refused", task=task.id, reason=refusal.text)
            return delivery

    async def bring_up_to_date(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        """Have the card say what it should say by now."""
        if delivery.card_id is not None and delivery.shown != card.digest:
            delivery = await self.edit(delivery, card)
        return await self.ensure(delivery, task, card)

    async def edit(self, delivery: Delivery, card: Card) -> Delivery:
        """Bring the card up to date; a card that somebody has deleted is forgotten."""
        try:
            editing = self.message(delivery).edit(embed=card.embed, view=view_of(card.buttons))
            await promptly(editing)
        except (discord.NotFound, discord.Forbidden) as refusal:
            if refusal.code not in _CARD_IS_GONE:
                raise PlaceUnusable(
                    f"cards cannot be edited: {refusal.text}", delivery.guild_id
                ) from refusal
            return await self.forget(delivery, refusal)
        shown = replace(delivery, shown=card.digest)
        await self._records.save(shown)
        return shown

    async def forget(self, delivery: Delivery, refusal: discord.HTTPException) -> Delivery:
        """The card is gone. Threads go with their channel; that of a deleted card stays."""
        delivery = replace(delivery, card_id=None, shown="")
        if refusal.code == threads.UNKNOWN_CHANNEL:
            delivery = replace(delivery, cards_posted=0, thread_id=None, progress_id=None)
        await self._records.save(delivery)
        return delivery

    def message(self, delivery: Delivery) -> discord.PartialMessage:
        """The card's message."""
        channel = self._outbox.channel(delivery.channel_id, guild_id=delivery.guild_id)
        return channel.get_partial_message(delivery.card_id or 0)

    async def _post(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        channel = self._places.channel_near(delivery.guild_id)
        begun = await self._outbox.begun(task.id)
        outgoing = self._outbox.new(OutgoingKind.CARD, task.id, channel.id, delivery.delivered)
        if begun is not None and begun.channel_id == channel.id:
            outgoing = replace(outgoing, nonce=begun.nonce, begun_at=begun.begun_at)
        try:
            message_id = await self._outbox.send_card(outgoing, card)
        except (discord.NotFound, discord.Forbidden) as refusal:
            raise PlaceUnusable(
                f"cards cannot be posted: {refusal.text}", delivery.guild_id
            ) from refusal
        posted = replace(delivery, guild_id=channel.guild.id, channel_id=channel.id)
        # A nonce that was used before may have given back an older message.
        shown = "" if begun is not None else card.digest
        return await self._outbox.record(posted, outgoing, message_id, shown=shown)
