"""Tells Discord what has happened to one task: its card, its thread, and the notices of its end.

Whatever was told is recorded together with the position in the log up to which it reaches, so that
telling the same events again tells nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

import discord
import structlog

from athena.bot import threads
from athena.bot.buttons import view_of
from athena.bot.cards import Card, card_of, removed_card
from athena.bot.names import names_of
from athena.bot.notices import Notice, Wording
from athena.bot.places import Places, PlaceUnusable
from athena.bot.text import Words, units
from athena.model.clock import Clock
from athena.model.discord import NO_TASK, Delivery, Outgoing, OutgoingKind
from athena.model.event import Event
from athena.model.task import Task, TaskId
from athena.service.discord import DiscordRecords
from athena.service.instances import Instances
from athena.service.tasks import Tasks
from athena.sinks.discord_outbox import Outbox, promptly

_log: Final = structlog.get_logger(__name__)

# Of a task that ended while Discord was away for longer than this, the thread tells nothing more.
_STALE_AFTER: Final = timedelta(minutes=10)
_CARDS_MAX: Final = 2
_PROGRESS_LINES: Final = 10
_PROGRESS_UNITS: Final = 1_800
_LINES_UNITS: Final = 1_900
_ENDS: Final = frozenset({"task.completed", "task.failed"})
_NOTICES: Final = _ENDS | {"task.blocked"}
_BAD_REQUEST: Final = 400
_CARD_IS_GONE: Final = frozenset({threads.UNKNOWN_CHANNEL, threads.UNKNOWN_MESSAGE})


class Courier:
    """Delivers the events of one task at a time."""

    def __init__(
        self,
        *,
        tasks: Tasks,
        records: DiscordRecords,
        client: discord.Client,
        places: Places,
        instances: Instances,
        words: Words,
        clock: Clock,
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._client = client
        self._places = places
        self._instances = instances
        self._words = words
        self._clock = clock
        self._outbox = Outbox(client, records, clock)

    async def deliver(self, task_id: int, events: Sequence[Event]) -> None:
        """Tell of the task's events; those that were told already are passed over.

        Raises: what Discord says where it cannot be done now; PlaceUnusable.
        """
        delivery = await self._records.find(task_id)
        delivery = await self._settle(task_id, delivery)
        told = delivery.delivered if delivery else 0
        news = [event for event in events if event.id > told]
        if not news:
            return
        wording = Wording(self._words, await names_of(self._instances))
        if task_id == NO_TASK:
            await self._tell_of_instances(delivery, news, wording)
            return
        task = await self._tasks.find(TaskId(task_id))
        if task is None:
            await self._remove(delivery, news)
        else:
            await self._tell_of_task(delivery, task, news, wording)

    async def give_up(self, task_id: int, events: Sequence[Event]) -> int:
        """Pass over what cannot be told, so that what comes after it can; gives the last passed."""
        delivery = await self._records.find(task_id)
        begun = await self._outbox.begun(task_id)
        through = begun.through if begun and begun.kind is not OutgoingKind.CARD else events[-1].id
        if delivery is None:
            await self._outbox.drop(task_id)
        else:
            await self._records.finish(replace(delivery, delivered=through))
        return through

    # What was begun before

    async def _settle(self, task_id: int, delivery: Delivery | None) -> Delivery | None:
        """Find out what became of a message that was begun, and see it through."""
        begun = await self._outbox.begun(task_id)
        if begun is None or delivery is None:
            return delivery
        message_id = await self._outbox.find(begun)
        if message_id is None:
            if begun.kind is OutgoingKind.CARD:
                return delivery  # composed anew, under the same nonce
            message_id = await self._outbox.send(begun)
        return await self._record(delivery, begun, message_id)

    async def _record(self, delivery: Delivery, sent: Outgoing, message_id: int) -> Delivery:
        match sent.kind:
            case OutgoingKind.CARD:
                # What it says is not known for certain: it is edited once more.
                delivery = replace(
                    delivery, card_id=message_id, cards_posted=delivery.cards_posted + 1, shown=""
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
        await self._records.finish(delivery)
        return delivery

    # Tasks

    async def _tell_of_task(
        self, delivery: Delivery | None, task: Task, news: Sequence[Event], wording: Wording
    ) -> None:
        holder = wording.name_of(task.claimed_by) if task.claimed_by else None
        card = card_of(task, holder=holder, words=self._words)
        delivery = delivery or await self._begin(task, task.id)
        delivery = await self._ensure_card(delivery, task, card)
        # A card that cannot be edited now must keep back nothing else: it has another try below.
        with suppress(discord.DiscordServerError, TimeoutError):
            delivery = await self._bring_up_to_date(delivery, task, card)
        quiet = task.status.is_end and self._is_stale(news[-1])
        lines: list[Event] = []
        for event in news:
            if event.type in _NOTICES:
                delivery = await self._tell_thread(delivery, task, lines, wording)
                lines = []
                delivery = await self._tell_channel(delivery, task, event, wording)
            elif not quiet:
                lines.append(event)
        delivery = await self._tell_thread(delivery, task, lines, wording)
        delivery = await self._bring_up_to_date(delivery, task, card)
        await self._records.save(replace(delivery, delivered=news[-1].id))
        if task.status.is_end and delivery.thread_id is not None:
            await promptly(threads.archive(self._client, delivery.thread_id))

    def _is_stale(self, event: Event) -> bool:
        return self._clock.now() - event.at > _STALE_AFTER

    async def _begin(self, task: Task | None, task_id: int) -> Delivery:
        channel = self._places.channel_for(task)
        delivery = Delivery(task_id=task_id, guild_id=channel.guild.id, channel_id=channel.id)
        await self._records.save(delivery)
        return delivery

    # The card

    async def _ensure_card(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        if delivery.card_id is not None or delivery.cards_posted >= _CARDS_MAX:
            return delivery
        try:
            return await self._post_card(delivery, task, card)
        except discord.HTTPException as refusal:
            if refusal.status != _BAD_REQUEST:
                raise
            # A card that Discord finds wrong must not keep back the news of the task's end.
            _log.warning("card refused", task=task.id, reason=refusal.text)
            return delivery

    async def _bring_up_to_date(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        if delivery.card_id is not None and delivery.shown != card.digest:
            delivery = await self._edit_card(delivery, card)
        return await self._ensure_card(delivery, task, card)

    async def _edit_card(self, delivery: Delivery, card: Card) -> Delivery:
        """Bring the card up to date; a card that somebody has deleted is forgotten."""
        try:
            editing = self._card(delivery).edit(embed=card.embed, view=view_of(card.buttons))
            await promptly(editing)
        except (discord.NotFound, discord.Forbidden) as refusal:
            if refusal.code not in _CARD_IS_GONE:
                raise PlaceUnusable(
                    f"cards cannot be edited: {refusal.text}", delivery.guild_id
                ) from refusal
            return await self._forget_card(delivery, refusal)
        shown = replace(delivery, shown=card.digest)
        await self._records.save(shown)
        return shown

    async def _forget_card(self, delivery: Delivery, refusal: discord.HTTPException) -> Delivery:
        """Threads go with their channel; that of a deleted card stays."""
        delivery = replace(delivery, card_id=None, shown="")
        if refusal.code == threads.UNKNOWN_CHANNEL:
            delivery = replace(delivery, cards_posted=0, thread_id=None, progress_id=None)
        await self._records.save(delivery)
        return delivery

    async def _post_card(self, delivery: Delivery, task: Task, card: Card) -> Delivery:
        channel = self._places.channel_for(task)
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
        posted = replace(
            delivery,
            guild_id=channel.guild.id,
            channel_id=channel.id,
            card_id=message_id,
            cards_posted=delivery.cards_posted + 1,
            # A nonce that was used before may have given back an older message.
            shown="" if begun is not None else card.digest,
        )
        await self._records.finish(posted)
        return posted

    def _card(self, delivery: Delivery) -> discord.PartialMessage:
        channel = self._client.get_partial_messageable(
            delivery.channel_id, guild_id=delivery.guild_id
        )
        return channel.get_partial_message(delivery.card_id or 0)

    async def _remove(self, delivery: Delivery | None, news: Sequence[Event]) -> None:
        """The task is gone: its card says so where a person did it; a purge is not announced."""
        if delivery is None:
            return
        reasons = [event.data.get("reason") for event in news if event.type == "task.deleted"]
        if delivery.card_id is not None and "requested" in reasons:
            await self._edit_card(delivery, removed_card(TaskId(delivery.task_id)))
            if delivery.thread_id is not None:
                await promptly(threads.archive(self._client, delivery.thread_id))
        await self._records.forget(delivery.task_id)

    # Notices

    async def _tell_channel(
        self, delivery: Delivery, task: Task, event: Event, wording: Wording
    ) -> Delivery:
        said = wording.end if event.type in _ENDS else wording.blocked
        return await self._send_notice(delivery, said(event, task), event.id)

    async def _send_notice(self, delivery: Delivery, notice: Notice, through: int) -> Delivery:
        if delivery.card_id is None:
            channel = self._places.channel_near(delivery.guild_id)
            delivery = replace(delivery, guild_id=channel.guild.id, channel_id=channel.id)
        outgoing = self._outbox.new(
            OutgoingKind.NOTICE, delivery.task_id, delivery.channel_id, through
        )
        outgoing = replace(
            outgoing,
            content=notice.content,
            reply_to=delivery.card_id,
            mention=notice.mention,
            file_name=notice.file_name,
            file_text=notice.file_text,
        )
        try:
            message_id = await self._outbox.send(outgoing)
        except (discord.NotFound, discord.Forbidden) as refusal:
            if refusal.code == threads.UNKNOWN_CHANNEL:
                await self._forget_card(delivery, refusal)
            raise PlaceUnusable(
                f"nothing can be posted: {refusal.text}", delivery.guild_id
            ) from refusal
        return await self._record(delivery, outgoing, message_id)

    async def _tell_of_instances(
        self, delivery: Delivery | None, news: Sequence[Event], wording: Wording
    ) -> None:
        """What concerns no task goes to the first server's channel."""
        delivery = delivery or await self._begin(None, NO_TASK)
        for event in news:
            delivery = await self._send_notice(delivery, wording.sick(event), event.id)

    # The thread

    async def _tell_thread(
        self, delivery: Delivery, task: Task, events: Sequence[Event], wording: Wording
    ) -> Delivery:
        """Tell the thread, in order: what the holder says in one message that grows."""
        if not events:
            return delivery
        for run in _runs(events):
            lines = [line for event in run if (line := _line(event, wording)) is not None]
            # A task that nobody has ever held needs no thread: its card says it all.
            if not lines or (task.attempt == 0 and delivery.thread_id is None):
                continue
            delivery = await self._with_thread(delivery, task)
            if run[0].type == "task.progressed":
                delivery = await self._tell_progress(delivery, lines, run[-1].id)
            else:
                delivery = await self._tell_lines(delivery, lines, run[-1].id)
        return delivery

    async def _with_thread(self, delivery: Delivery, task: Task) -> Delivery:
        if delivery.thread_id is not None or delivery.card_id is None:
            return delivery
        if not self._places.has_threads(delivery.channel_id):
            return delivery
        thread_id = await promptly(threads.start(self._card(delivery), task, self._words))
        if thread_id is None:
            return delivery
        delivery = replace(delivery, thread_id=thread_id)
        await self._records.save(delivery)
        return delivery

    async def _tell_lines(self, delivery: Delivery, lines: Sequence[str], through: int) -> Delivery:
        """Further progress starts a message of its own, below these lines."""
        delivery = replace(delivery, progress_id=None, progress="")
        text = "\n".join(lines)
        while units(text) > _LINES_UNITS:
            text = text.partition("\n")[2] or text[:_LINES_UNITS]
        return await self._send_to_thread(delivery, OutgoingKind.NOTICE, text, through)

    async def _tell_progress(
        self, delivery: Delivery, lines: Sequence[str], through: int
    ) -> Delivery:
        shown = [*delivery.progress.splitlines(), *lines][-_PROGRESS_LINES:]
        while len(shown) > 1 and units("\n".join(shown)) > _PROGRESS_UNITS:
            shown = shown[1:]
        text = "\n".join(shown)
        if delivery.progress_id is not None and delivery.thread_id is not None:
            thread = self._outbox.channel(delivery.thread_id)
            try:
                message = thread.get_partial_message(delivery.progress_id)
                await promptly(message.edit(content=text))
            except (discord.NotFound, discord.Forbidden, discord.HTTPException) as refusal:
                if isinstance(refusal, discord.DiscordServerError):
                    raise
                text = "\n".join(lines)  # archived, or deleted: a new message revives the thread
            else:
                delivery = replace(delivery, progress=text, delivered=through)
                await self._records.save(delivery)
                return delivery
        return await self._send_to_thread(delivery, OutgoingKind.PROGRESS, text, through)

    async def _send_to_thread(
        self, delivery: Delivery, kind: OutgoingKind, text: str, through: int
    ) -> Delivery:
        """Where there is no thread, or it was deleted or locked, the channel is told instead."""
        if delivery.thread_id is not None:
            outgoing = self._outbox.new(kind, delivery.task_id, delivery.thread_id, through)
            outgoing = replace(outgoing, content=text)
            try:
                message_id = await self._outbox.send(outgoing)
            except discord.DiscordServerError:
                raise
            except discord.HTTPException as refusal:
                _log.info("thread is lost", task=delivery.task_id, reason=refusal.text)
                delivery = replace(delivery, thread_id=None, progress_id=None, progress="")
                await self._records.save(delivery)
            else:
                return await self._record(delivery, outgoing, message_id)
        if kind is OutgoingKind.PROGRESS:
            # The card shows it too; a line in the channel for each would bury everything else.
            return replace(delivery, delivered=through)
        return await self._send_notice(delivery, Notice(content=text), through)


def _line(event: Event, wording: Wording) -> str | None:
    if event.type == "task.progressed":
        return wording.progress(event)
    return wording.line(event)


def _runs(events: Sequence[Event]) -> list[list[Event]]:
    """The events in order, parted where progress begins and ends."""
    runs: list[list[Event]] = []
    for event in events:
        is_progress = event.type == "task.progressed"
        if runs and (runs[-1][0].type == "task.progressed") == is_progress:
            runs[-1].append(event)
        else:
            runs.append([event])
    return runs
