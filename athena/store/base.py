"""What every engine offers: a transaction to change things in, and a snapshot to read from.

A use case is an `async def` that gets a `Transaction` and awaits nothing but it. An engine carries
out whatever waits as one group: what they need is fetched for all of them at once, what they write
is written for all of them at once, and one commit acknowledges them all (DESIGN.md, section 4).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar, cast

from athena.model.errors import AthenaError
from athena.model.event import Actor, Event, EventId
from athena.model.instance import Asker, Claimer
from athena.model.task import TaskId

T = TypeVar("T")
# Open tasks and instances only: some MB. Whoever comes back within a thousand is not read again.
_KEPT_MAX: Final = 1_000
Value = str | int | float | None
Values = Mapping[str, Value]
# A row by column name. What a column holds is known to the module of its noun only.
Row = Mapping[str, Any]


class StoreUnusable(AthenaError):
    """The store cannot be opened as it is; somebody has to act."""

    code = "store_unusable"


class Role(Enum):
    """As what a process opens a store: one that serves, or a command beside it."""

    SERVER = "server"
    VISITOR = "visitor"


class Reading(Protocol):
    """A consistent view of the store; every answer is fetched whole."""

    @property
    def now(self) -> datetime:
        """The wall clock of this transaction."""

    @property
    def steady(self) -> timedelta:
        """The steady clock, for leases."""

    async def fetch_one(self, statement: str, values: Values = ...) -> Row | None:
        """The first row that the named statement gives."""

    async def fetch_all(self, statement: str, values: Values = ...) -> Sequence[Row]:
        """All rows that the named statement gives."""


@dataclass(slots=True)
class Committed:
    """What a commit tells the rest of the server, in order: see `service/feed.py`, `waking.py`.

    `ready`: tasks that became claimable, each with the key of its offer. `elsewhere`: where the log
    ended when another process had written to it; its events are in the store.
    """

    events: list[Event] = field(default_factory=list)
    ready: list[Offer] = field(default_factory=list)
    wake_all: bool = False
    elsewhere: EventId | None = None

    def add(self, other: Committed) -> None:
        """Take in what another use case of the same commit has brought."""
        self.events += other.events
        self.ready += other.ready
        self.wake_all |= other.wake_all

    def __bool__(self) -> bool:
        return bool(self.events or self.ready or self.wake_all or self.elsewhere is not None)


@dataclass(frozen=True, slots=True)
class Offer:
    """A task that became claimable: by whom (None: anybody), and of which project."""

    task_id: TaskId
    offered_to: str | None
    project: str | None


class Memory:
    """What transactions have lately read or written, so that the next need not read it again.

    An engine shares one between transactions only where it can empty it in time: whenever
    something is rolled back, and whenever somebody else has written. So what is kept is what
    stands in the database.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[object, Any] = {}

    def find(self, kind: type[T], name: object) -> T | None:
        """What is kept of the kind under this name, or None."""
        return cast("T | None", self._kept.get((kind, name)))

    def keep(self, name: object, thing: object) -> None:
        """Keep an immutable thing as it stands in the database now."""
        if len(self._kept) >= _KEPT_MAX:
            self._kept.clear()
        self._kept[type(thing), name] = thing

    def drop(self, kind: type, name: object) -> None:
        """Forget one thing."""
        self._kept.pop((kind, name), None)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


class Record(NamedTuple):
    """An event on its way into the log, where it gets its id."""

    type: str
    task_id: TaskId | None
    at: datetime
    actor: Actor
    data: Mapping[str, object]


class Transaction(Reading, Protocol):
    """A use case's own unit of change: all of it is committed, or none."""

    @property
    def memory(self) -> Memory:
        """What need not be read again."""

    @property
    def committed(self) -> Committed:
        """What to tell once this is committed; dropped with a rollback."""

    @property
    def chosen(self) -> Mapping[Claimer, deque[TaskId]]:
        """Which tasks the claims of this group get, where that was looked up beforehand.

        An empty line says that there is none; a claimer that is not there looks for itself.
        """

    @property
    def has_company(self) -> bool:
        """Whether transactions of other processes may be changing other rows at this moment."""

    async def alone(self) -> None:
        """From here on nobody else in the whole cluster changes anything until the commit.

        For what concerns several tasks at once (lanes and dependencies), and for what follows from
        a row that was read without a lock. To be called before the first write; a use case that ran
        beside others is begun anew.
        """

    async def defer(self, statement: str, row: object, values: Values) -> None:
        """Carry out a write of one row, at the latest before the next read or the commit.

        Its outcome must be certain: the row was read in this transaction, for being changed.
        `row` names it, so that two writes of one row keep their order.
        """

    async def record(self, record: Record) -> None:
        """Write one event, after everything else of the commit."""

    async def execute(self, statement: str, values: Values = ...) -> int:
        """Carry out the named statement; the number of rows it changed."""

    async def insert(self, statement: str, values: Values) -> int:
        """Carry out the named statement, which inserts one row; the `id` that it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a use case will look at, as far as that is known before it runs.

    It is fetched for a whole group at once; what is not named here is fetched when it is asked
    for. `tasks` are read for being changed; `asker` is going to claim what fits it best.
    """

    tasks: tuple[TaskId, ...] = ()
    asker: Asker | None = None


NO_NEEDS: Final = Needs()
UseCase = Callable[[Transaction], Coroutine[Any, Any, T]]
Query = Callable[[Reading], Coroutine[Any, Any, T]]
Listener = Callable[[Committed], None]


class Store(ABC):
    """One database: `run` changes, `read` looks; an answered write is seen by the next read."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def on_commit(self, listener: Listener) -> None:
        """Have `listener` called on the event loop with what each group of commits brought.

        One with `elsewhere` says that another process wrote to the store.
        """
        self._listeners.append(listener)

    def tell(self, committed: Committed) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(committed)

    @abstractmethod
    async def open(self) -> None:
        """Open, migrate, and give every held task one fresh lease.

        Raises: StoreUnusable.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun and close everything; may be repeated."""

    @property
    @abstractmethod
    def is_shared(self) -> bool:
        """Whether other servers may be working on the same store."""

    @abstractmethod
    async def run(
        self, use_case: UseCase[T], *, needs: Needs = NO_NEEDS, beside: bool = False
    ) -> T:
        """Carry out a use case; when this returns, the change is on disk.

        It may be carried out anew after a rollback, so it must change nothing but the store.
        `beside`: it touches only rows that it has locked, and may run beside those of other
        processes; any other runs alone.

        Raises: what the use case raises, and then nothing was changed; Unavailable.
        """

    @abstractmethod
    async def read(self, query: Query[T]) -> T:
        """Answer a question from one snapshot.

        Raises: what the query raises; Unavailable.
        """

    @abstractmethod
    async def is_writable(self) -> bool:
        """Whether a write would be taken now."""

    @abstractmethod
    async def check_for_foreign_writes(self) -> None:
        """Notice what another process has written, and tell the listeners."""

    @abstractmethod
    async def tidy(self) -> None:
        """Give space back after deletions, a little at a time."""

    @abstractmethod
    async def backup(self, target: Path) -> None:
        """Write a verified copy while everything goes on.

        Raises: Unavailable, where the copy cannot be written or does not pass its check.
        """

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        # Also when cancelled: the threads of connections left open would outlive the loop.
        await asyncio.shield(self.close())
