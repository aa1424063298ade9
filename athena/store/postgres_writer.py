"""The writers of a replica: many use cases, one transaction.

Whatever waits is carried out as a group: what the use cases need is fetched in a few statements,
what they write is written in a few, and one commit acknowledges them all. Groups that touch only
rows which they have locked run beside those of other replicas, under a shared advisory lock;
everything else runs alone in the whole cluster, under the same lock held exclusively: then it sees
the queue as SQLite's one writer sees it, and no interleaving has to be thought about.
Prototypes made 1,360 cycles/s with a transaction each, 4,270 in groups (DESIGN.md, section 4).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
import structlog

from athena.model.clock import Clock
from athena.model.errors import Unavailable
from athena.model.event import Event
from athena.store import events
from athena.store.base import NO_NEEDS, Committed, Needs, UseCase
from athena.store.foresight import foresee
from athena.store.postgres_batches import Batches
from athena.store.postgres_connections import LOCK_QUEUE, as_unavailable
from athena.store.postgres_news import announce, news_of
from athena.store.postgres_transaction import (
    CLOCK,
    NotAlone,
    PostgresReading,
    PostgresTransaction,
)
from athena.store.statements import Statement

if TYPE_CHECKING:
    from athena.store.postgres_transaction import AnyConnection

T = TypeVar("T")

_log: Final = structlog.get_logger(__name__)
# Turns of the event loop that a group waits for those who ask at the same time: with 64 of them a
# fifth off what their claims cost process and database. (Two groups on their way at a time are
# smaller ones, and cost a fifth more.)
_TURNS: Final = 4
_GROUP_MAX: Final = 256
# All replicas wait for a group that runs alone.
_ALONE_MAX: Final = 32
# How long whoever asked is kept waiting where it is not clear what became of a commit, besides the
# commit's own time.
_FIND_OUT_SECONDS_MAX: Final = 8
_FIND_OUT_EVERY_SECONDS: Final = 0.1
# What the lock was waited for has to be seen, whatever the database has for its default.
_READ_COMMITTED: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN: Final = {
    True: f"{_READ_COMMITTED}; SELECT pg_advisory_xact_lock_shared({LOCK_QUEUE})",
    False: f"{_READ_COMMITTED}; SELECT pg_advisory_xact_lock({LOCK_QUEUE})",
}


@dataclass(slots=True, eq=False)
class _Job:
    """One use case on its way: what to do, for whom, and what came of it."""

    use_case: UseCase[Any]
    needs: Needs
    future: asyncio.Future[Any]
    context: contextvars.Context
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        """Tell whoever still waits."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class _Outcome:
    """What came of a group: who is done, who has to be begun anew alone, and what it brought."""

    done: list[_Job]
    sent_on: list[_Job]
    committed: Committed


class _Unsure(Exception):
    """The connection was lost while the commit was on its way: it may be carried out, or not."""

    def __init__(self, outcome: _Outcome, error: Exception) -> None:
        super().__init__()
        self.outcome = outcome
        self.error = error


class _Spoilt(Exception):
    """Somebody wrote and then failed: the group's others have to be carried out anew."""


@dataclass(slots=True, eq=False)
class _Line:
    """Use cases that wait to be carried out in the same way."""

    beside: bool
    group_max: int
    jobs: deque[_Job] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, job: _Job) -> None:
        """Have a use case carried out with the next group."""
        self.jobs.append(job)
        self.filled.set()

    async def take(self) -> list[_Job]:
        """Wait for some, and take all that wait."""
        while not self.jobs:
            self.filled.clear()
            await self.filled.wait()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        return [self.jobs.popleft() for _ in range(min(len(self.jobs), self.group_max))]


class PostgresWriter:
    """Carries out use cases in groups, on connections of its own."""

    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        *,
        statements: Mapping[str, Statement],
        batches: Batches,
        clock: Clock | None,
        replica: str,
        announces: bool,
        tell: Callable[[Committed], None],
    ) -> None:
        self._pool = pool
        self._statements = statements
        self._batches = batches
        self._clock = clock
        self._replica = replica
        self._announces = announces
        self._tell = tell
        self._beside = _Line(beside=True, group_max=_GROUP_MAX)
        self._alone = _Line(beside=False, group_max=_ALONE_MAX)
        self._open_jobs: set[_Job] = set()
        self._idle = asyncio.Event()
        self._closing = False
        self._working = [
            asyncio.create_task(self._work(line), name="writer")
            for line in (self._beside, self._alone)
        ]

    @staticmethod
    def connections() -> int:
        """How many connections it uses at most."""
        return 2

    async def run(self, use_case: UseCase[T], needs: Needs, *, beside: bool) -> T:
        """Carry out a use case with the next group of its kind.

        Raises: what the use case raises; Unavailable.
        """
        if self._closing:
            raise Unavailable("Athena is stopping; try again in a moment.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(use_case, needs, future, contextvars.copy_context())
        self._open_jobs.add(job)
        (self._beside if beside else self._alone).put(job)
        return await future

    async def close(self) -> None:
        """Finish what waits."""
        self._closing = True
        while self._open_jobs:
            self._idle.clear()
            await self._idle.wait()
        for working in self._working:
            working.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _work(self, line: _Line) -> None:
        # A line that ended would leave all who come later without an answer.
        this = asyncio.current_task()
        while True:
            jobs = await line.take()
            try:
                await self._carry_out(jobs, beside=line.beside)
            except asyncio.CancelledError:
                # Some releases of asyncpg raise their own, on a connection that is lost while they
                # give up on a statement.
                if this is None or this.cancelling():
                    raise
                self._give_up(jobs, Unavailable("The store was cut off; try again."))
            except Exception as error:  # noqa: BLE001  (they get it; the writer lives on)
                _log.exception("a group of use cases met a bug")
                self._give_up(jobs, error)

    def _give_up(self, jobs: Sequence[_Job], error: Exception) -> None:
        for job in jobs:
            job.error = job.error or error
        self._finish(jobs)

    async def _carry_out(self, jobs: list[_Job], *, beside: bool) -> None:
        try:
            outcome = await self._try_group(jobs, beside=beside)
        except _Unsure as unsure:
            # "Unavailable" means that it was not carried out: who is told so may do it again.
            if not await self._is_committed(unsure.outcome.committed.events[-1]):
                await self._refuse(jobs, unsure.error, beside=beside)
                return
            outcome = unsure.outcome
        except Exception as error:  # noqa: BLE001  (each caller gets it; the writer lives on)
            refusal = (
                None
                if isinstance(error, asyncpg.TransactionRollbackError)
                else (as_unavailable(error))
            )
            if refusal is not None or len(jobs) == 1:
                await self._refuse(jobs, refusal or error, beside=beside)
                return
            for job in jobs:
                await self._carry_out([job], beside=beside)
            return
        self._finish(outcome.done)
        if outcome.committed:
            self._tell(outcome.committed)
        # Not before the commit: a group that fails is carried out anew with them, or not at all.
        for job in outcome.sent_on:
            self._alone.put(job)

    async def _refuse(self, jobs: Sequence[_Job], error: Exception, *, beside: bool) -> None:
        """The answer for all of them, unless the only one may have met another replica's."""
        is_race = isinstance(
            error,
            asyncpg.IntegrityConstraintViolationError | asyncpg.TransactionRollbackError | NotAlone,
        )
        if beside and is_race:
            for job in jobs:
                self._alone.put(job)
            return
        for job in jobs:
            job.error = as_unavailable(error) or error
        self._finish(jobs)

    def _finish(self, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            job.answer()
            self._open_jobs.discard(job)
        if not self._open_jobs:
            self._idle.set()

    async def _try_group(self, jobs: Sequence[_Job], *, beside: bool) -> _Outcome:
        """One transaction for all of them.

        Raises: what ended the transaction; _Spoilt.
        """
        async with self._pool.acquire() as connection:
            try:
                await connection.execute(_BEGIN[beside])
                milliseconds = await connection.fetchval(f"SELECT {CLOCK}")
                tx = PostgresTransaction(
                    connection, self._statements, self._clock, batches=self._batches, beside=beside
                )
                tx.read_clock(milliseconds, self._clock)
                needs = [job.needs for job in jobs if job.needs is not NO_NEEDS]
                if needs:
                    tx.chosen = await foresee(tx, needs)
                outcome = await self._carry_out_each(tx, jobs)
                await tx.write()
                committed = outcome.committed
                news = news_of(committed, self._replica) if self._announces else None
                committed.events += await tx.write_records(news)
                if self._announces and committed and not committed.events:
                    await announce(connection, committed, self._replica)
                await _commit(connection, outcome)
            except BaseException:
                await _roll_back(connection)
                raise
        return outcome

    async def _is_committed(self, event: Event) -> bool:
        """Whether the log has the event; False, too, where the database stays away.

        Asked alone: then whoever was about to commit it has ended, one way or the other.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIND_OUT_SECONDS_MAX):
                while True:
                    # Whatever it is, it may pass, as a server's that has no users yet.
                    with contextlib.suppress(Exception):
                        async with self._pool.acquire() as connection:
                            return await self._has_event(connection, event)
                    await asyncio.sleep(_FIND_OUT_EVERY_SECONDS)
        return False

    async def _has_event(self, connection: AnyConnection, event: Event) -> bool:
        try:
            await connection.execute(_BEGIN[False])
            reading = PostgresReading(connection, self._statements, self._clock)
            found = await events.after(reading, event.id - 1, limit=1)
        finally:
            await _roll_back(connection)
        # An id that was drawn and never committed may be given again after a crash.
        return [(e.id, e.task_id, e.type, e.at) for e in found] == [
            (event.id, event.task_id, event.type, event.at)
        ]

    async def _carry_out_each(self, tx: PostgresTransaction, jobs: Sequence[_Job]) -> _Outcome:
        done: list[_Job] = []
        sent_on: list[_Job] = []
        committed = Committed()
        for job in jobs:
            job.result = job.error = None
            tx.begin()
            try:
                job.result = await _InContext(job.use_case(tx), job.context)
            except asyncpg.PostgresError:
                # The server has ended the transaction for everybody.
                raise
            except Exception as error:
                if as_unavailable(error) is not None:
                    # The others would wait for a lost server one after another.
                    raise
                if tx.has_written and len(jobs) > 1:
                    raise _Spoilt from error
                tx.take_back()
                if tx.has_written:
                    raise
                if isinstance(error, NotAlone):
                    sent_on.append(job)
                    continue
                job.error = error
            else:
                committed.add(tx.committed)
            done.append(job)
        return _Outcome(done, sent_on, committed)


async def _commit(connection: AnyConnection, outcome: _Outcome) -> None:
    """Commit. What has no event (renewals) may be done twice, so nobody asks what became of it.

    Raises: _Unsure; what else ended the transaction.
    """
    try:
        await connection.execute("COMMIT")
    except Exception as error:
        is_decided = isinstance(error, asyncpg.TransactionRollbackError)
        if is_decided or as_unavailable(error) is None or not outcome.committed.events:
            raise
        raise _Unsure(outcome, error) from error


async def _roll_back(connection: Any) -> None:
    """End the transaction; a connection on which that cannot be done is of no more use."""
    try:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        # Where the line is lost, the pool has taken it back already.
        with contextlib.suppress(asyncpg.InterfaceError):
            connection.terminate()


class _InContext:
    """Awaits a coroutine in the context of the request that it is for, without a task for it."""

    __slots__ = ("_context", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], context: contextvars.Context) -> None:
        self._coroutine = coroutine
        self._context = context

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[..., Any] = self._coroutine.send
        given: Any = None
        while True:
            try:
                waited_for = self._context.run(step, given)
            except StopIteration as stop:
                return stop.value
            try:
                given = yield waited_for
                step = self._coroutine.send
            except BaseException as error:  # noqa: BLE001  (it is the coroutine's to handle)
                step, given = self._coroutine.throw, error
