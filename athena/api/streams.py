"""Server-sent events: to each who listens whatever its source tells, for as long as it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import structlog
from aiohttp import web
from multidict import istr

from athena.model.errors import FieldError, Invalid, TooMany, Unavailable
from athena.service.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS_PER_KEY_MAX: Final = 32
COMMENT: Final = b": still here\n\n"
# A comment line at least every 15 s; some time is left for the way.
_COMMENT_EVERY: Final = timedelta(seconds=12)
_WRITE_SECONDS_MAX: Final = 30.0
_AWAY_SECONDS: Final = 1.0
_LAST_EVENT_ID: Final = istr("Last-Event-ID")
_POSITION_DIGITS_MAX: Final = 18


class Frames(NamedTuple):
    """Some of a stream, which may be nothing; `are_last`: it ends with them."""

    content: bytes
    are_last: bool = False


class Source(Protocol):
    """What a stream tells, from where its listener left off."""

    async def begin(self) -> bytes:
        """What it starts with: at least a comment.

        Raises: Unavailable, and then there is no stream.
        """

    async def more(self, wait: timedelta) -> Frames:
        """What comes next, waiting for it so long at most.

        Raises: Unavailable; it is asked again.
        """


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
        source: Source,
        is_valid: Callable[[], Awaitable[bool]],
    ) -> web.StreamResponse:
        """Write until the source ends, the client goes, its key is revoked, or the server stops.

        Raises: TooMany; Unavailable.
        """
        with self._opened(key_id, request):
            first = await source.begin()
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
                await _write(response, first)
                await self._follow(request, response, source, is_valid)
            except (ConnectionError, TimeoutError):
                # Gone, or not reading: a stream that breaks is resumed by its Last-Event-ID.
                if request.transport is not None:
                    request.transport.abort()
            return response

    async def _follow(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        source: Source,
        is_valid: Callable[[], Awaitable[bool]],
    ) -> None:
        loop = asyncio.get_running_loop()
        comment_at = loop.time() + _COMMENT_EVERY.total_seconds()
        waiting: Frames | None = None
        while not self._feed.stopping and request.transport is not None:
            frames = Frames(b"")
            try:
                if waiting is None:
                    remaining = timedelta(seconds=max(0.0, comment_at - loop.time()))
                    waiting = await source.more(remaining)
                # Asked last: nothing that came after the key was revoked goes out.
                if not await is_valid():
                    return
                frames, waiting = waiting, None
            except Unavailable:
                # The store is away for a while: the stream waits with its listener.
                await asyncio.sleep(_AWAY_SECONDS)
            content = frames.content
            if not content and loop.time() >= comment_at:
                content = COMMENT
            if content:
                await _write(response, content)
                comment_at = loop.time() + _COMMENT_EVERY.total_seconds()
            if frames.are_last:
                return
            await asyncio.sleep(0)  # whatever the source says, the loop gets its turn


def last_event_id(request: web.BaseRequest) -> int | None:
    """Where the listener left off, if it says so.

    Raises: Invalid.
    """
    text = request.headers.get(_LAST_EVENT_ID)
    if text is None or text == "":
        return None
    if text.isascii() and text.isdigit() and len(text) <= _POSITION_DIGITS_MAX:
        return int(text)
    raise Invalid(errors=[FieldError("Last-Event-ID", "must be the id of an event")])


async def _write(response: web.StreamResponse, content: bytes) -> None:
    async with asyncio.timeout(_WRITE_SECONDS_MAX):
        await response.write(content)
