"""Server-sent events: the log as it grows, to each who listens, from wherever it left off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from athena.api.reply import json_bytes
from athena.api.wire.events import event_json
from athena.model.errors import TooMany, Unavailable
from athena.model.event import ActorKind, Event
from athena.service.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS_PER_KEY_MAX: Final = 32
# A comment line at least every 15 s; some time is left for the way.
_COMMENT_EVERY: Final = timedelta(seconds=12)
_BATCH: Final = 100
_WRITE_SECONDS_MAX: Final = 30.0
_AWAY_SECONDS: Final = 1.0
_COMMENT: Final = b": still here\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; a field that is None does not restrict.

    `instance` is the one that the event is about or that caused it; `actor` a name, or `kind:name`.
    """

    task: int | None = None
    types: frozenset[str] | None = None
    instance: str | None = None
    actor: str | None = None

    def wants(self, event: Event) -> bool:
        """Whether the event is one of them."""
        return (
            (self.task is None or event.task_id == self.task)
            and (self.types is None or event.type in self.types)
            and (self.instance is None or self.instance in _instances_of(event))
            and (self.actor is None or self.actor in _names_of(event))
        )


def _instances_of(event: Event) -> tuple[object, str | None]:
    by = event.actor.name if event.actor.kind is ActorKind.INSTANCE else None
    return event.data.get("instance"), by


def _names_of(event: Event) -> tuple[str, str]:
    return event.actor.name, f"{event.actor.kind.value}:{event.actor.name}"


class Streams:
    """The open streams, so many for each key at most."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._open: dict[int, list[web.BaseRequest]] = {}

    def count(self) -> int:
        """How many are open."""
        return sum(len(requests) for requests in self._open.values())

    @contextmanager
    def _opened(self, key_id: int, request: web.BaseRequest) -> Iterator[None]:
        requests = self._open.setdefault(key_id, [])
        # One whose client has gone ends by itself within seconds; it takes nobody's place.
        if sum(other.transport is not None for other in requests) >= STREAMS_PER_KEY_MAX:
            raise TooMany(
                f"This key has {STREAMS_PER_KEY_MAX} streams open already.", retry_after_seconds=5
            )
        requests.append(request)
        try:
            yield
        finally:
            requests.remove(request)
            if not requests:
                self._open.pop(key_id, None)

    async def serve(
        self,
        request: web.BaseRequest,
        *,
        key_id: int,
        wanted: EventFilter,
        after: int | None,
        is_valid: Callable[[], Awaitable[bool]],
    ) -> web.StreamResponse:
        """Write events until the client goes, its key is revoked, or the server stops.

        `after` None: from now on. A position that is not kept any more starts with a `reset`.

        Raises: TooMany.
        """
        with self._opened(key_id, request):
            position, is_reset = await self._start(after)
            response = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream; charset=utf-8",
                    "Cache-Control": "no-store",
                    "X-Accel-Buffering": "no",
                    "X-Content-Type-Options": "nosniff",
                    "Server": "athena",
                    "X-Request-ID": structlog.contextvars.get_contextvars()["request_id"],
                }
            )
            response.force_close()
            try:
                await response.prepare(request)
                await _write(response, _reset_frame(position) if is_reset else _COMMENT)
                await self._follow(request, response, wanted, position, is_valid)
            except (ConnectionError, TimeoutError):
                # Gone, or not reading: a stream that breaks is resumed by its Last-Event-ID.
                if request.transport is not None:
                    request.transport.abort()
            return response

    async def _start(self, after: int | None) -> tuple[int, bool]:
        """Where to begin, and whether the listener has missed something for good."""
        if after is None:
            return self._feed.position, False
        if after > self._feed.position:
            # Another replica may have told of it before this one has heard of it.
            await self._feed.catch_up()
        newest = self._feed.position
        oldest = await self._feed.first_kept()
        if after > newest:
            # From another life of the store: what it counts is not what is counted here.
            return newest, True
        if oldest > after + 1:
            return oldest - 1, True
        return after, False

    async def _follow(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        wanted: EventFilter,
        position: int,
        is_valid: Callable[[], Awaitable[bool]],
    ) -> None:
        loop = asyncio.get_running_loop()
        comment_at = loop.time() + _COMMENT_EVERY.total_seconds()
        while not self._feed.stopping and request.transport is not None:
            try:
                if not await is_valid():
                    return
                events = await self._feed.read(position, limit=_BATCH)
            except Unavailable:
                # The store is away for a while: the stream waits with its listener.
                events = []
                await asyncio.sleep(_AWAY_SECONDS)
            frames = b"".join(_frame(event) for event in events if wanted.wants(event))
            position = events[-1].id if events else position
            if not frames and loop.time() >= comment_at:
                frames = _COMMENT
            if frames:
                await _write(response, frames)
                comment_at = loop.time() + _COMMENT_EVERY.total_seconds()
            if not events:
                await asyncio.sleep(0)  # whatever the feed says, the loop gets its turn
                remaining = max(0.0, comment_at - loop.time())
                await self._feed.wait(position, timeout=timedelta(seconds=remaining))


def _frame(event: Event) -> bytes:
    head = f"id: {event.id}\nevent: {event.type}\ndata: "
    return head.encode() + json_bytes(event_json(event)) + b"\n\n"


def _reset_frame(position: int) -> bytes:
    """What comes after is all that is left: read the rest anew."""
    data = json_bytes({"type": "reset", "after": position})
    return f"id: {position}\nevent: reset\ndata: ".encode() + data + b"\n\n"


async def _write(response: web.StreamResponse, frames: bytes) -> None:
    async with asyncio.timeout(_WRITE_SECONDS_MAX):
        await response.write(frames)
