"""What time alone does to tasks: due ones become ready, leases run out, old ends are removed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from athena.model import limits
from athena.model.event import SYSTEM
from athena.model.lifecycle import ENDED
from athena.service import endings, settling
from athena.service.tasks import purge
from athena.store import events, keys, tasks
from athena.store.base import Reading, Store, Transaction


class Sweeping:
    """The periodic use cases. Each asks a reader first: an idle queue costs no write."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def promote_due(self) -> int:
        """Bring up to date what was scheduled, parked or reserved; gives the number of tasks."""

        async def act(tx: Transaction) -> int:
            due = await tasks.due(tx, limit=limits.SWEEP_BATCH)
            for task in due:
                # An earlier one of this batch may have changed it, through their lane.
                await settling.resettle(tx, await tasks.lock(tx, task.id))
            return len(due)

        async def is_any_due(reading: Reading) -> bool:
            return bool(await tasks.due(reading, limit=1))

        return await self._store.run(act) if await self._store.read(is_any_due) else 0

    async def expire_leases(self) -> int:
        """Take tasks from holders whose lease ran out by the steady clock; gives their number."""

        async def act(tx: Transaction) -> int:
            expired = await tasks.with_expired_lease(tx, steady=tx.steady, limit=limits.SWEEP_BATCH)
            for task in expired:
                await endings.expire(tx, task)
            return len(expired)

        async def is_any_expired(reading: Reading) -> bool:
            found = await tasks.with_expired_lease(reading, steady=reading.steady, limit=1)
            return bool(found)

        return await self._store.run(act) if await self._store.read(is_any_expired) else 0

    async def retain(self, span: timedelta, *, sinks: Collection[str]) -> int:
        """Remove tasks that ended longer ago than `span`, and events as old that the sinks know.

        Gives the number of tasks removed.
        """
        now = await self._store.read(_now)
        before = now - span
        removed = await purge(
            self._store, statuses=ENDED, before=before, by=SYSTEM, reason="retention"
        )
        while await self._store.run(
            lambda tx: events.delete_before(tx, before, sinks=sinks, limit=limits.PURGE_BATCH)
        ):
            pass
        return removed

    async def tidy(self) -> None:
        """Give the space of what was removed back, a slice at a time, and shorten the log."""
        await self._store.tidy()

    async def forget_answers(self) -> None:
        """Drop the answers of requests too old to be repeated."""

        async def act(tx: Transaction) -> int:
            before = tx.now - limits.IDEMPOTENCY_KEPT
            return await keys.delete_answers_before(tx, before, limit=limits.PURGE_BATCH)

        while await self._store.run(act):
            pass


async def _now(reading: Reading) -> datetime:
    return reading.now
