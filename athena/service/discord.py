"""The memory of the Discord bot and of its sink: what was told, what is being told, what exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from athena.model.discord import Choice, Delivery, Outgoing, QuestionMessage
from athena.model.lifecycle import Status
from athena.store import discord
from athena.store.base import Store, Transaction


class DiscordRecords:
    """Each message is written down before it is sent, and crossed out together with its effect."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, task_id: int) -> Delivery | None:
        """Where the task stands on Discord; None where nothing was told yet."""
        return await self._store.read(lambda reading: discord.find_delivery(reading, task_id))

    async def save(self, delivery: Delivery) -> None:
        """Note how far the telling has come."""
        await self._store.run(lambda tx: discord.save_delivery(tx, delivery), beside=True)

    async def forget(self, task_id: int) -> None:
        """The task is gone."""
        await self._store.run(lambda tx: discord.delete_delivery(tx, task_id), beside=True)

    async def begun(self, task_id: int) -> Outgoing | None:
        """The task's message of which it is not known whether it was sent."""
        return await self._store.read(lambda reading: discord.find_outgoing(reading, task_id))

    async def begin(self, outgoing: Outgoing) -> None:
        """A message is about to be sent."""
        await self._store.run(lambda tx: discord.save_outgoing(tx, outgoing), beside=True)

    async def finish(self, delivery: Delivery, question: QuestionMessage | None = None) -> None:
        """The message that was begun is settled, and this is how things stand with it.

        `question`: where the question is that it shows, if that is what it is.
        """

        async def act(tx: Transaction) -> None:
            await discord.delete_outgoing(tx, delivery.task_id)
            await discord.save_delivery(tx, delivery)
            if question is not None:
                await discord.save_question(tx, question)

        await self._store.run(act, beside=True)

    async def drop(self, task_id: int) -> None:
        """The message that was begun was certainly not sent, and will not be."""
        await self._store.run(lambda tx: discord.delete_outgoing(tx, task_id), beside=True)

    async def question(self, question_id: int) -> QuestionMessage | None:
        """Where the question is shown; None where it is not, or needs to be told no more."""
        return await self._store.read(lambda reading: discord.find_question(reading, question_id))

    async def questions_of(self, task_id: int) -> Sequence[QuestionMessage]:
        """Where the task's questions are shown that were not settled."""
        return await self._store.read(lambda reading: discord.questions_of(reading, task_id))

    async def forget_question(self, question_id: int) -> None:
        """The message of the question needs to be touched no more."""
        await self._store.run(lambda tx: discord.delete_question(tx, question_id), beside=True)

    async def commands(self) -> Mapping[str, str]:
        """The fingerprint of the commands that were registered in each scope."""
        return await self._store.read(discord.commands)

    async def save_commands(self, scope: str, fingerprint: str) -> None:
        """Note what was registered in a scope."""
        await self._store.run(lambda tx: discord.save_commands(tx, scope, fingerprint), beside=True)

    async def forget_commands(self, scope: str) -> None:
        """Note that a scope was cleared."""
        await self._store.run(lambda tx: discord.delete_commands(tx, scope), beside=True)

    async def choices(
        self, typed: str, *, statuses: Iterable[Status], limit: int
    ) -> Sequence[Choice]:
        """Tasks that fit what a person has typed so far: a number, its beginning, or words."""
        wanted = tuple(statuses)
        return await self._store.read(
            lambda reading: discord.choices(reading, typed, statuses=wanted, limit=limit)
        )
