"""Which of several replicas does what only one may do, and how another takes over.

The leader holds a lease in the store and renews it. It stops by its own steady clock before
anybody can take over; and should it sleep through that, the term of its lease refuses what it
writes afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from athena.model import limits
from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.store import leadership
from athena.store.base import (
    NO_NEEDS,
    Listener,
    Needs,
    Query,
    Reading,
    Store,
    Transaction,
    UseCase,
)

T = TypeVar("T")

# Ours ends earlier than the store's: what is under way at the end has time to end as well.
_OWN_LEASE: Final = limits.LEADER_LEASE - timedelta(seconds=1)
# A store that does not answer must not keep us from trying again before the lease runs out.
_PATIENCE_SECONDS: Final = 1.5
_RESIGN_SECONDS_MAX: Final = 1.0
# How soon it is noticed that a lease ran out by itself.
_LOOK_UP_SECONDS: Final = 0.25
_LOOK_EVERY: Final = timedelta(milliseconds=500)


class Role(Enum):
    """What a server is among its replicas."""

    SINGLE = "single"
    LEADER = "leader"
    FOLLOWER = "follower"


class NoLongerLeader(Unavailable):
    """Another replica of Athena has taken over and sees to this."""


@dataclass(frozen=True, slots=True)
class _Held:
    """Our lease: its term, and until when it holds by our own steady clock."""

    term: int
    until: timedelta


class Leadership:
    """This replica's part in it. On a store of one server that one leads, and nothing is written.

    `store` is the store for what only the leader may do: it refuses every write that could come
    after a takeover.
    """

    def __init__(self, store: Store, clock: Clock, *, replica: str) -> None:
        self._store = store
        self._clock = clock
        self._held: _Held | None = None
        self._changed = asyncio.Event()
        self.replica = replica
        self.store: Store = _LedStore(store, self) if store.is_shared else store

    @property
    def role(self) -> Role:
        """What this replica is at this moment."""
        if not self._store.is_shared:
            return Role.SINGLE
        return Role.FOLLOWER if self.term is None else Role.LEADER

    @property
    def is_leader(self) -> bool:
        """Whether this replica may do now what only one may do."""
        return self.term is not None

    @property
    def term(self) -> int | None:
        """The number of the reign; None while another may lead."""
        if not self._store.is_shared:
            return 0
        held = self._held
        return held.term if held is not None and self._clock.steady() < held.until else None

    @property
    def tended_every(self) -> timedelta:
        """How often `tend` is to be called."""
        return limits.LEADER_RENEWS_EVERY if self.is_leader else _LOOK_EVERY

    def check(self) -> int:
        """The term.

        Raises: NoLongerLeader.
        """
        term = self.term
        if term is None:
            raise NoLongerLeader
        return term

    async def tend(self) -> None:
        """Renew the lease, or take over where nobody leads.

        Raises: Unavailable; what is held then goes on until it runs out.
        """
        # Before the question: the lease must not end later here than it does in the store.
        asked_at = self._clock.steady()
        term = await _soon(self._renew_or_take())
        self._hold(None if term is None else _Held(term, asked_at + _OWN_LEASE))

    async def _renew_or_take(self) -> int | None:
        held = self.term
        if held is None and not await self._store.read(self._is_free):
            return None
        return await self._store.run(lambda tx: self._claim(tx, held))

    async def _is_free(self, reading: Reading) -> bool:
        lease = await leadership.get(reading)
        # Our own, which we believe to have lost: it is taken anew.
        return lease.has_lapsed(reading.now) or lease.replica == self.replica

    async def _claim(self, tx: Transaction, held: int | None) -> int | None:
        """The term of the lease, if it is ours from here on."""
        lease = await leadership.get(tx)
        lapsed = lease.has_lapsed(tx.now)
        if lease.term == held and not lapsed:
            return held if await leadership.renew(tx, held) else None
        if not lapsed and lease.replica != self.replica:
            return None
        term = lease.term + 1
        if not await leadership.take(tx, self.replica, term=term):
            return None
        if lease.had_outage(tx.now):
            await leadership.renew_all_leases(tx)
        return term

    async def resign(self) -> None:
        """Lead no more, and let another take over at once. Where that cannot be said, it waits."""
        held = self._held
        self._hold(None)
        if held is not None:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(_RESIGN_SECONDS_MAX):
                    await self._store.run(lambda tx: leadership.resign(tx, held.term))

    def lose(self, term: int) -> None:
        """The store has said that this term is over."""
        if self._held is not None and self._held.term == term:
            self._hold(None)

    def _hold(self, held: _Held | None) -> None:
        self._held = held
        self._changed.set()
        self._changed = asyncio.Event()

    async def until_gained(self) -> int:
        """Wait to lead; gives the term."""
        while (term := self.term) is None:
            await self._look_up()
        return term

    async def until_lost(self, term: int) -> None:
        """Wait for the end of the term."""
        if not self._store.is_shared:
            await asyncio.Event().wait()
        while self.term == term:
            await self._look_up()

    async def _look_up(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                await self._changed.wait()


async def _soon(answer: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await answer
    except TimeoutError as error:
        raise Unavailable("The store does not answer in time.") from error


class _LedStore(Store):
    """The store as long as we lead: each write begins by asking whether the term is still ours.

    A takeover runs alone: it waits for what was begun before it, and what comes later sees it.
    """

    def __init__(self, store: Store, leading: Leadership) -> None:
        super().__init__()
        self._store = store
        self._leading = leading

    @property
    def is_shared(self) -> bool:
        """See `Store`."""
        return self._store.is_shared

    async def run(
        self, use_case: UseCase[T], *, needs: Needs = NO_NEEDS, beside: bool = False
    ) -> T:
        """See `Store.run`.

        Raises: NoLongerLeader, besides.
        """
        term = self._leading.check()

        async def fenced(tx: Transaction) -> T:
            lease = await leadership.get(tx)
            if lease.term != term or lease.has_lapsed(tx.now):
                raise NoLongerLeader
            return await use_case(tx)

        try:
            return await self._store.run(fenced, needs=needs, beside=beside)
        except NoLongerLeader:
            self._leading.lose(term)
            raise

    async def read(self, query: Query[T]) -> T:
        """See `Store.read`."""
        return await self._store.read(query)

    def on_commit(self, listener: Listener) -> None:
        """See `Store.on_commit`."""
        self._store.on_commit(listener)

    async def open(self) -> None:
        """Is open already."""

    async def close(self) -> None:
        """Is closed by whom it belongs to."""

    async def is_writable(self) -> bool:
        """See `Store`."""
        return await self._store.is_writable()

    async def check_for_foreign_writes(self) -> None:
        """See `Store`."""
        await self._store.check_for_foreign_writes()

    async def tidy(self) -> None:
        """See `Store`."""
        await self._store.tidy()

    async def backup(self, target: Path) -> None:
        """See `Store.backup`."""
        await self._store.backup(target)
