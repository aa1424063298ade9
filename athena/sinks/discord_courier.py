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

from athena.bot import threads
from athena.bot.cards import Card, card_of, removed_card
from athena.bot.names import names_of
from athena.bot.notices import Wording
from athena.bot.places import Places
from athena.bot.text import Words
from athena.model.clock import Clock
from athena.model.discord import NO_TASK, Delivery, OutgoingKind
from athena.model.event import Event
from athena.model.task import Task, TaskId
from athena.service.services import Services
from athena.sinks.discord_cards import Cards
from athena.sinks.discord_outbox import Outbox, promptly
from athena.sinks.discord_posts import Posts
from athena.sinks.discord_questions import QuestionMessages

# Of a task that ended while Discord was away for longer than this, the thread tells nothing more.
_STALE_AFTER: Final = timedelta(minutes=10)
_ENDS: Final = frozenset({"task.completed", "task.failed"})
_NOTICES: Final = _ENDS | {"task.blocked"}
_SETTLED: Final = frozenset({"question.answered", "question.withdrawn"})
_ALONE: Final = _NOTICES | _SETTLED | {"question.asked", "message.sent"}
_COMPOSED_ANEW: Final = frozenset({OutgoingKind.CARD, OutgoingKind.QUESTION})
_FOLLOWS: Final = "follows"


class Courier:
    """Delivers the events of one task at a time."""

    def __init__(
        self,
        *,
        services: Services,
        client: discord.Client,
        places: Places,
        words: Words,
        clock: Clock,
    ) -> None:
        self._services = services
        self._records = services.discord
        self._client = client
        self._places = places
        self._words = words
        self._clock = clock
        self._outbox = Outbox(client, self._records, clock)
        self._cards = Cards(self._outbox, self._records, places)
        self._posts = Posts(self._outbox, self._records, self._cards, places, words)
        self._questions = QuestionMessages(
            client, self._outbox, self._records, self._posts, services.questions
        )

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
        wording = Wording(self._words, await names_of(self._services.instances))
        if task_id == NO_TASK:
            await self._tell_of_instances(delivery, news, wording)
            return
        task = await self._services.tasks.find(TaskId(task_id))
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

    async def _settle(self, task_id: int, delivery: Delivery | None) -> Delivery | None:
        """Find out what became of a message that was begun, and see it through."""
        begun = await self._outbox.begun(task_id)
        if begun is None or delivery is None:
            return delivery
        message_id = await self._outbox.find(begun)
        if message_id is None:
            if begun.kind in _COMPOSED_ANEW:
                return delivery  # under the same nonce
            message_id = await self._outbox.send(begun)
        return await self._outbox.record(delivery, begun, message_id)

    # Tasks

    async def _tell_of_task(
        self, delivery: Delivery | None, task: Task, news: Sequence[Event], wording: Wording
    ) -> None:
        card = await self._card_of(task, wording)
        delivery = delivery or await self._begin(task)
        delivery = await self._cards.ensure(delivery, task, card)
        # A card that cannot be edited now must keep back nothing else: it has another try below.
        with suppress(discord.DiscordServerError, TimeoutError):
            delivery = await self._cards.bring_up_to_date(delivery, task, card)
        delivery = await self._tell(delivery, task, news, wording)
        delivery = await self._cards.bring_up_to_date(delivery, task, card)
        await self._records.save(replace(delivery, delivered=news[-1].id))
        if task.status.is_end and delivery.thread_id is not None:
            await promptly(threads.archive(self._client, delivery.thread_id))

    async def _card_of(self, task: Task, wording: Wording) -> Card:
        holder = wording.name_of(task.claimed_by) if task.claimed_by else None
        waits_for = await self._questions.find(task.parked_question)
        return card_of(task, holder=holder, words=self._words, waits_for=waits_for)

    async def _begin(self, task: Task | None) -> Delivery:
        """A task that goes on from another has its card where that one has."""
        channel = self._places.channel_for(task)
        followed = task.metadata.get(_FOLLOWS) if task is not None else None
        before = await self._records.find(followed) if isinstance(followed, int) else None
        if before is not None:
            channel = self._places.channel_near(before.guild_id)
        task_id = NO_TASK if task is None else task.id
        delivery = Delivery(task_id=task_id, guild_id=channel.guild.id, channel_id=channel.id)
        await self._records.save(delivery)
        return delivery

    async def _tell(
        self, delivery: Delivery, task: Task, news: Sequence[Event], wording: Wording
    ) -> Delivery:
        """Tell the events in order, each in its place."""
        quiet = task.status.is_end and self._is_stale(news[-1])
        for run in _runs(news):
            event = run[-1]
            if event.type in _SETTLED:
                await self._questions.settle(event, wording)
            elif event.type in _NOTICES:
                said = wording.end if event.type in _ENDS else wording.blocked
                delivery = await self._posts.to_channel(delivery, said(event, task), event.id)
            elif quiet:
                continue
            elif event.type == "question.asked":
                delivery = await self._questions.ask(delivery, task, event, wording)
            elif event.type == "message.sent":
                delivery = await self._tell_message(delivery, task, event, wording)
            else:
                delivery = await self._tell_lines(delivery, task, run, wording)
        return delivery

    def _is_stale(self, event: Event) -> bool:
        return self._clock.now() - event.at > _STALE_AFTER

    async def _tell_lines(
        self, delivery: Delivery, task: Task, run: Sequence[Event], wording: Wording
    ) -> Delivery:
        """What the holder says goes into one message that grows."""
        lines = [line for event in run if (line := _line(event, wording)) is not None]
        # A task that nobody has ever held needs no thread: its card says it all.
        if not lines or (task.attempt == 0 and delivery.thread_id is None):
            return delivery
        tell = self._posts.progress if _is_progress(run[0]) else self._posts.lines
        return await tell(delivery, task, lines, run[-1].id)

    async def _tell_message(
        self, delivery: Delivery, task: Task, event: Event, wording: Wording
    ) -> Delivery:
        message_id = event.data.get("message")
        if not isinstance(message_id, int):
            return delivery
        found = await self._services.messages.list(task.id, after=message_id - 1, limit=1)
        messages = [sent.message for sent in found if sent.message.id == message_id]
        for message in messages:
            notice = wording.said(message)
            delivery = await self._posts.to_thread(delivery, task, notice, event.id)
        return delivery

    async def _remove(self, delivery: Delivery | None, news: Sequence[Event]) -> None:
        """The task is gone: its card says so where a person did it; a purge is not announced."""
        if delivery is None:
            return
        reasons = [event.data.get("reason") for event in news if event.type == "task.deleted"]
        if delivery.card_id is not None and "requested" in reasons:
            await self._cards.edit(delivery, removed_card(TaskId(delivery.task_id)))
            await self._questions.remove(delivery.task_id)
            if delivery.thread_id is not None:
                await promptly(threads.archive(self._client, delivery.thread_id))
        await self._records.forget(delivery.task_id)

    # Instances

    async def _tell_of_instances(
        self, delivery: Delivery | None, news: Sequence[Event], wording: Wording
    ) -> None:
        """What concerns no task goes to the first server's channel."""
        delivery = delivery or await self._begin(None)
        listed = await self._services.instances.list()
        present = {each.instance.slug: each.instance for each in listed}
        for event in news:
            if event.type == "instance.well":
                notice = wording.well(event)
            else:
                notice = wording.sick(event, present.get(str(event.data.get("instance"))))
            delivery = await self._posts.to_channel(delivery, notice, event.id)


def _line(event: Event, wording: Wording) -> str | None:
    return wording.progress(event) if _is_progress(event) else wording.line(event)


def _is_progress(event: Event) -> bool:
    return event.type == "task.progressed"


def _runs(events: Sequence[Event]) -> list[list[Event]]:
    """The events in order: progress together, other lines together, alone what is told alone."""
    runs: list[list[Event]] = []
    for event in events:
        last = runs[-1][0] if runs else None
        if (
            last is None
            or event.type in _ALONE
            or last.type in _ALONE
            or _is_progress(event) != _is_progress(last)
        ):
            runs.append([event])
        else:
            runs[-1].append(event)
    return runs
