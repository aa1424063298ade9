"""Several replicas on one store, each with a steady clock of its own; the store has another."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from athena.model.errors import Unavailable
from athena.service.leadership import Leadership
from athena.store.base import NO_NEEDS, Needs, Query, T, UseCase
from athena.store.postgres import PostgresStore
from tests.store.clock import ManualClock


class SharedStore(PostgresStore):
    """The store that several servers share, which can be away."""

    is_away = False
    writes = 0

    async def run(
        self, use_case: UseCase[T], *, needs: Needs = NO_NEEDS, beside: bool = False
    ) -> T:
        self._check()
        self.writes += 1
        return await super().run(use_case, needs=needs, beside=beside)

    async def read(self, query: Query[T]) -> T:
        self._check()
        return await super().read(query)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable("The store is away.")


@dataclass
class Replica:
    """One of several servers."""

    store: SharedStore
    name: str
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.leadership = Leadership(self.store, self.clock, replica=self.name)

    async def tend(self) -> bool:
        """What it does all the time; gives whether it leads then."""
        await self.leadership.tend()
        return self.leadership.is_leader


@dataclass
class Cluster:
    """The store's clock, and the replicas whose clocks go with it."""

    store: SharedStore
    clock: ManualClock
    awake: list[Replica] = field(default_factory=list)

    def start(self, name: str) -> Replica:
        replica = Replica(self.store, name)
        self.awake.append(replica)
        return replica

    def advance(self, **span: float) -> None:
        """Time goes by for all."""
        for clock in (self.clock, *(replica.clock for replica in self.awake)):
            clock.advance(timedelta(**span))
