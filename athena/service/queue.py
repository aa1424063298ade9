"""Stopping and starting the giving out of tasks."""

from __future__ import annotations

from athena.model.event import Actor, QueuePaused, QueueResumed
from athena.model.pause import Pause, Pauses
from athena.service.drafts import check_fields
from athena.store import events, instances
from athena.store.base import Store, Transaction


class Queue:
    """Use cases of the queue as a whole."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def pause(self, pause: Pause, *, by: Actor) -> None:
        """Give out nothing of the project or instance (neither: nothing at all); may be repeated.

        Raises: Invalid.
        """
        check_fields({"project": pause.project, "instance": pause.instance})

        async def act(tx: Transaction) -> None:
            if await instances.add_pause(tx, pause):
                paused = QueuePaused(project=pause.project, instance=pause.instance)
                await events.append(tx, paused, by)

        await self._store.run(act)

    async def resume(self, pause: Pause, *, by: Actor) -> None:
        """End a pause; may be repeated. Whoever waits for work tries again at once."""

        async def act(tx: Transaction) -> None:
            if await instances.remove_pause(tx, pause):
                tx.committed.wake_all = True
                resumed = QueueResumed(project=pause.project, instance=pause.instance)
                await events.append(tx, resumed, by)

        await self._store.run(act)

    async def pauses(self) -> Pauses:
        """All pauses in force."""
        return await self._store.read(instances.pauses)
