"""The edge of HTTP: how many connections there may be, and what bytes that are no HTTP are told.

aiohttp answers such bytes in plain text with the bytes in it, and logs them with a traceback: keys
with a stray NUL have been seen in logs that way. Here they get a problem document that repeats
nothing, and a line at DEBUG.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import structlog
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from athena.api.problem import BadRequest, InternalError, reply_for
from athena.model import limits

CONNECTIONS_MAX: Final = 900  # a process may have 1,024 open files where nobody raised that
# Above the idle time of the usual proxies, so that it is they who close first.
KEEP_ALIVE_SECONDS: Final = 75.0
# What is left of a refused body is read for so long, so that its sender sees the refusal.
_LINGERING_SECONDS: Final = 2.0

log = structlog.get_logger("athena.api")

_ITS_CLIENTS_FAULT: Final = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request, or for the rest of the head of one."""
        return self._waiter is not None

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002  (theirs)
        """Go on reading, where it was stopped.

        aiohttp asks for this twice a request, stopped or not, and hands its parser no bytes
        each time: a hundredth of what a claim costs.
        """
        if self.transport is None or not self.transport.is_reading():
            super().resume_reading(resume_parser)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  (it quotes what was sent)
    ) -> web.StreamResponse:
        """Answer what never became a request; the connection is closed after it."""
        if status < 500:
            log.debug("not HTTP", remote=request.remote, kind=type(exc).__name__)
            reply = reply_for(BadRequest())
        else:
            log.error("an answer failed", exc_info=exc)
            reply = reply_for(InternalError())
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        reply.keep_alive = False
        return cast("web.StreamResponse", reply)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what is our fault."""
        error = kw.get("exc_info")
        if isinstance(error, _ITS_CLIENTS_FAULT):
            log.debug("a connection broke", kind=type(error).__name__)
        else:
            super().log_exception(*args, **kw)


class Connections(web.Server):
    """All connections of the server, so many at most."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[object]]) -> None:
        super().__init__(
            cast("Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]", handler),
            request_factory=self._request,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=_LINGERING_SECONDS,
            # A packed body could grow without bound; none is taken (415).
            auto_decompress=False,
        )

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        # One byte more than is taken, so that the limit itself is judged in one place.
        return web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            self._loop,
            client_max_size=limits.BODY_BYTES_MAX + 1,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection in; where there are too many, one that asks for nothing makes room."""
        super().connection_made(handler, transport)
        if len(self._connections) <= CONNECTIONS_MAX:
            return
        for other, line in self._connections.items():
            if isinstance(other, Connection) and other.is_idle and not line.is_closing():
                line.abort()
                return
        # Not at once: aiohttp has still to start what it will then find to be over.
        self._loop.call_soon(transport.abort)
