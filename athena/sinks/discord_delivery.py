"""Reads the event log from its cursor and has each task's events delivered, task by task in order.

Tasks do not wait for each other: each has a stream of its own. What moves on while its task is
being told is told together, at most once in two seconds. The cursor follows the oldest event that
is not done with; what comes again after a restart is known from the records of each task.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import aiohttp
import discord
import structlog

from athena.bot.places import PlaceUnusable
from athena.model.discord import NO_TASK
from athena.model.errors import Unavailable
from athena.model.event import Event, EventId
from athena.service.feed import Feed
from athena.service.sinks import SinkStates
from athena.sinks.discord_courier import Courier
from athena.sinks.discord_outbox import patience
from athena.sinks.discord_streams import Gate, Stream, Turns

_log: Final = structlog.get_logger(__name__)

SINK: Final = "discord"
# A message is edited at most so often (facts: about 5 requests in 5 s for each channel).
_SECONDS_BETWEEN: Final = 2.0
# With many tasks at work in one channel, each is edited less often.
_SECONDS_FOR_EACH_STREAM: Final = 0.5
_SECONDS_BETWEEN_MAX: Final = 30.0
_READ_AT_ONCE: Final = 200
# Read so far ahead of what is delivered, no further.
_EVENTS_WAITING_MAX: Final = 2_000
# A channel takes about one message a second: more at once would only wait for each other.
_AT_ONCE: Final = 4
_PATIENCE_SECONDS: Final = 8.0
_PATIENCE_SECONDS_MAX: Final = 60.0
_TRIES_MAX: Final = 5
_WAIT_SECONDS: Final = 1.0
_ATTEMPT_SECONDS_MAX: Final = 120.0
_CURSOR_SECONDS: Final = 1.0
# How soon the reader notices that it is to end.
_LOOK_UP_SECONDS: Final = 0.2
_FINISH_SECONDS: Final = 1.5
# Discord or the way to it does not work; the event is not to blame.
_AWAY: Final = (
    discord.DiscordServerError,
    discord.RateLimited,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    Unavailable,
)
_TOLD_OF_INSTANCES: Final = frozenset({"instance.sick", "instance.well"})


class Deliveries:
    """One connection's worth of telling: begins at the cursor, ends with the connection."""

    def __init__(
        self,
        courier: Courier,
        feed: Feed,
        sinks: SinkStates,
        *,
        report: Callable[[str | None], None],
    ) -> None:
        self._courier = courier
        self._feed = feed
        self._sinks = sinks
        self._report = report
        self._streams: dict[int, Stream] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._turns = Turns(_AT_ONCE)
        self._away = Gate()
        self._unusable: defaultdict[int, Gate] = defaultdict(Gate)
        self._room = asyncio.Event()
        self._finishing = asyncio.Event()
        self._successes = 0
        self._read: int = 0
        self._saved: int = 0

    def nudge(self) -> None:
        """Something has changed on Discord: what could not be done may be possible now."""
        for gate in self._unusable.values():
            gate.open()

    async def run(self) -> None:
        """Read and deliver until `finish`, or until cancelled.

        At the end what is in hand is told without delay, and the cursor saved.
        """
        self._read = self._saved = await self._sinks.cursor(SINK) or EventId(0)
        keeper = asyncio.create_task(self._keep_cursor())
        try:
            while not (self._finishing.is_set() or self._feed.stopping):
                await self._read_some()
            self._finishing.set()
            if self._workers:
                await asyncio.wait(self._workers, timeout=_FINISH_SECONDS)
            await self._save_cursor()
        finally:
            keeper.cancel()
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(keeper, *self._workers, return_exceptions=True)

    def finish(self) -> None:
        """Have `run` end."""
        self._finishing.set()
        self._room.set()

    # Reading

    async def _read_some(self) -> None:
        if sum(len(stream.waiting) for stream in self._streams.values()) >= _EVENTS_WAITING_MAX:
            self._room.clear()
            await self._room.wait()
        events = await self._feed.read(self._read, limit=_READ_AT_ONCE)
        for event in events:
            self._sort_in(event)
        if events:
            self._read = events[-1].id
        if len(events) < _READ_AT_ONCE and not self._finishing.is_set():
            await self._feed.wait(self._read, timeout=timedelta(seconds=_LOOK_UP_SECONDS))

    def _sort_in(self, event: Event) -> None:
        if event.task_id is None and event.type not in _TOLD_OF_INSTANCES:
            return
        task_id = NO_TASK if event.task_id is None else event.task_id
        stream = self._streams.get(task_id)
        if stream is None:
            stream = self._streams[task_id] = Stream(task_id)
            worker = asyncio.create_task(self._work(stream), name=f"discord-task-{task_id}")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        stream.add(event)

    async def _keep_cursor(self) -> None:
        while True:
            await asyncio.sleep(_CURSOR_SECONDS)
            await self._save_cursor()

    async def _save_cursor(self) -> None:
        firsts = [first for s in self._streams.values() if (first := s.first) is not None]
        position = min(firsts) - 1 if firsts else self._read
        if position <= self._saved:
            return
        try:
            await self._sinks.move_cursor(SINK, EventId(position))
        except Unavailable as error:
            _log.warning("cursor not saved", reason=str(error))
        else:
            self._saved = position

    # Telling

    async def _work(self, stream: Stream) -> None:
        """Tell one task's events until there are none, with pauses between."""
        await stream.news.wait()
        while stream.waiting:
            await self._tell(stream)
            self._room.set()
            await self._pause(stream)
        del self._streams[stream.task_id]

    async def _pause(self, stream: Stream) -> None:
        """Nobody reads faster; in a crowd, steps of progress wait longer than other news."""
        crowd = min(len(self._workers) * _SECONDS_FOR_EACH_STREAM, _SECONDS_BETWEEN_MAX)
        await _happens(self._finishing, _SECONDS_BETWEEN)
        if not self._finishing.is_set():
            await _happens(stream.urgent, crowd - _SECONDS_BETWEEN)

    async def _tell(self, stream: Stream) -> None:
        """Tell what waits, trying again until it is told or plainly cannot be."""
        tries, successes = 0, self._successes
        patience.set(_PATIENCE_SECONDS)
        while True:
            for gate in self._gates(stream):
                await gate.passed()
            async with self._turns.take(stream.rank):
                if any(gate.is_closed for gate in self._gates(stream)):
                    continue
                error = await self._try(stream)
            if error is None:
                return
            # What fails while others succeed is to blame itself; Discord being away is not.
            to_blame = not _is_away(error)
            patience.set(min(2 * patience.get(), _PATIENCE_SECONDS_MAX))
            if to_blame or self._successes != successes:
                tries, successes = tries + 1, self._successes
            if tries >= _TRIES_MAX:
                if await self._give_up(stream, error):
                    return
                tries = 0
            elif to_blame:
                await asyncio.sleep(_WAIT_SECONDS * 2**tries / 4)

    def _gates(self, stream: Stream) -> list[Gate]:
        held_at = stream.held_at
        return [self._away] if held_at is None else [self._away, self._unusable[held_at]]

    async def _try(self, stream: Stream) -> Exception | None:
        """The error for which it could not be told; None where it was, or has to wait."""
        events = stream.in_hand or stream.take()
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS_MAX):
                await self._courier.deliver(stream.task_id, events)
        except PlaceUnusable as error:
            self._hold(stream, error)
            return error
        except Exception as error:  # noqa: BLE001  (the other tasks must go on)
            if isinstance(error, TimeoutError):
                _log.info("discord is slow", task=stream.task_id)
            elif _is_away(error):
                self._away.close(getattr(error, "retry_after", None))
                _log.info("discord is away", task=stream.task_id, reason=repr(error))
            else:
                _log.warning("task not told", task=stream.task_id, exc_info=error)
            return error
        self._succeed(stream)
        return None

    def _hold(self, stream: Stream, error: PlaceUnusable) -> None:
        stream.held_at = error.guild_id
        self._unusable[error.guild_id].close()
        self._report(str(error))

    def _succeed(self, stream: Stream) -> None:
        stream.done()
        self._successes += 1
        self._away.open()
        if stream.held_at is not None:
            self._unusable[stream.held_at].open()
            stream.held_at = None
            self._report(None)

    async def _give_up(self, stream: Stream, error: Exception) -> bool:
        """Pass over what cannot be told; whether that is all that was in hand."""
        events = stream.in_hand
        types = [event.type for event in events]
        _log.error("events passed over", task=stream.task_id, types=types, exc_info=error)
        try:
            through = await self._courier.give_up(stream.task_id, events)
        except Unavailable:
            return False
        if through < events[-1].id:
            return False
        stream.done()
        return True


def _is_away(error: Exception) -> bool:
    """Whether Discord, the way to it or our own store does not work: no event is to blame."""
    if isinstance(error, discord.HTTPException) and error.status in (401, 429):
        return True
    return isinstance(error, (*_AWAY, PlaceUnusable))


async def _happens(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, no longer than so many seconds."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return
