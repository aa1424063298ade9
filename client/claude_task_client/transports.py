"""The transports of the Python classes: httpx2's two clients, with retries by stamina."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import anyio
import httpx2
import stamina

from claude_task_client.errors import NotSent, Unreachable
from claude_task_client.http import trust
from claude_task_client.transport import (
    STREAM_SILENCE_SECONDS,
    Answer,
    Call,
    read_answer,
    stranger,
    worth_another_try,
)

# A worker's jobs wait in many long polls at once; far below what one Athena accepts (900).
CONNECTIONS_MAX: Final = 256
# Idle connections are kept for a burst of calls, and dropped long before Athena drops them.
KEPT_CONNECTIONS_MAX: Final = 32
KEPT_SECONDS: Final = 5.0
# A connection whose other end is gone (a laptop that slept, a router that forgot) answers nothing,
# and a long poll would wait on it to its end: the kernel asks after 15 s, and gives up after 30.
PROBE_AFTER_SECONDS: Final = 15
PROBE_EVERY_SECONDS: Final = 5
PROBES_MAX: Final = 3
UNACKNOWLEDGED_MILLISECONDS_MAX: Final = 30_000

SocketOption = tuple[int, int, int]


def keep_alive_options() -> list[SocketOption]:
    """What makes the kernel notice a dead connection, as far as this system takes it.

    Some know a name and refuse it (sandboxes, the first WSL): without it they connect as well.
    """
    names = {
        "TCP_KEEPIDLE": PROBE_AFTER_SECONDS,  # Linux, Windows
        "TCP_KEEPALIVE": PROBE_AFTER_SECONDS,  # macOS, for the same
        "TCP_KEEPINTVL": PROBE_EVERY_SECONDS,
        "TCP_KEEPCNT": PROBES_MAX,
        "TCP_USER_TIMEOUT": UNACKNOWLEDGED_MILLISECONDS_MAX,  # Linux: what was sent counts as well
    }
    known = [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in names.items()
        if hasattr(socket, name)
    ]
    with socket.socket() as probe:
        wanted = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), *known]
        return [option for option in wanted if _is_taken(probe, option)]


def _is_taken(probe: socket.socket, option: SocketOption) -> bool:
    try:
        probe.setsockopt(*option)
    except OSError:
        return False
    return True


CLIENT_OPTIONS: Final[dict[str, Any]] = {"trust_env": False, "follow_redirects": False}

_BEFORE_SENDING: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
# An encrypted connection may break with an error of the system's own.
_BROKEN: Final = (httpx2.HTTPError, OSError)


class _Httpx:
    """What both have in common: everything but waiting."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_seconds: float,
        retry_seconds: float,
        silence_seconds: float = STREAM_SILENCE_SECONDS,
    ) -> None:
        self.url = url
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._silence_seconds = silence_seconds

    def _pool_options(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of the usual pool, and of the one for second tries, which keeps no connection.

        After a laptop's sleep all that are kept may be dead, and each would cost a try to find out.
        """
        # The same way out as the commands take: straight to Athena, by the system's trust store.
        verify = trust() if self.url.startswith("https:") else False
        options = {"verify": verify, "trust_env": False, "socket_options": keep_alive_options()}
        usual, fresh = (
            httpx2.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=kept,
                keepalive_expiry=KEPT_SECONDS,
            )
            for kept in (KEPT_CONNECTIONS_MAX, 0)
        )
        return {**options, "limits": usual}, {**options, "limits": fresh}

    def _request(self, call: Call) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": self.url + call.target,
            "content": call.content(),
            "headers": call.headers(self._key),
            "timeout": self._timeout(self._timeout_seconds + call.wait_seconds),
        }

    def _timeout(self, read_seconds: float) -> httpx2.Timeout:
        # Only the answer may take long: no connection and no sending does.
        return httpx2.Timeout(self._timeout_seconds, read=read_seconds)

    def _stream_request(self, call: Call, last_event_id: str | None) -> dict[str, Any]:
        headers = {**call.headers(self._key), "Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        timeout = self._timeout(self._silence_seconds)
        return {**self._request(call), "headers": headers, "timeout": timeout}

    def _retries(self, call: Call) -> Any:
        # Stamina's clock runs from the first attempt: one that waited long is tried again as well.
        seconds = self._retry_seconds and self._retry_seconds + call.wait_seconds
        return stamina.retry_context(
            on=worth_another_try(call), attempts=None, timeout=seconds or 1e-9
        )

    def _answer(self, response: httpx2.Response) -> Answer:
        return read_answer(self.url, response.status_code, response.headers, response.content)

    def _unreachable(self, error: Exception) -> Unreachable:
        why = "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error)
        kind = NotSent if isinstance(error, _BEFORE_SENDING) else Unreachable
        return kind(f"Athena is not reachable at {self.url}: {why or type(error).__name__}.")


class AsyncTransport(_Httpx):
    """For asyncio."""

    def __init__(self, url: str, key: str | None, **seconds: float) -> None:
        super().__init__(url, key, **seconds)
        self._client, self._fresh = (
            httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(**options), **CLIENT_OPTIONS)
            for options in self._pool_options()
        )

    async def send(self, call: Call) -> Answer:
        async for attempt in self._retries(call):
            with attempt:
                return await self._once(self._client if attempt.num == 1 else self._fresh, call)
        raise AssertionError("stamina ends with an answer or an error")

    async def _once(self, client: httpx2.AsyncClient, call: Call) -> Answer:
        try:
            return self._answer(await client.request(**self._request(call)))
        except _BROKEN as error:
            raise self._unreachable(error) from error

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        request = self._stream_request(call, last_event_id)
        try:
            async with self._client.stream(**request) as response:
                if not _is_event_stream(response):
                    await response.aread()
                    self._answer(response)
                    raise stranger(self.url, response.status_code, response.headers)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except _BROKEN as error:
            raise self._unreachable(error) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def close(self) -> None:
        await self._client.aclose()
        await self._fresh.aclose()


class BlockingTransport(_Httpx):
    """For programs without an event loop. None of its coroutines ever suspends."""

    def __init__(self, url: str, key: str | None, **seconds: float) -> None:
        super().__init__(url, key, **seconds)
        self._client, self._fresh = (
            httpx2.Client(transport=httpx2.HTTPTransport(**options), **CLIENT_OPTIONS)
            for options in self._pool_options()
        )

    async def send(self, call: Call) -> Answer:
        for attempt in self._retries(call):
            with attempt:
                return self._once(self._client if attempt.num == 1 else self._fresh, call)
        raise AssertionError("stamina ends with an answer or an error")

    def _once(self, client: httpx2.Client, call: Call) -> Answer:
        try:
            return self._answer(client.request(**self._request(call)))
        except _BROKEN as error:
            raise self._unreachable(error) from error

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        request = self._stream_request(call, last_event_id)
        try:
            with self._client.stream(**request) as response:
                if not _is_event_stream(response):
                    response.read()
                    self._answer(response)
                    raise stranger(self.url, response.status_code, response.headers)
                for chunk in response.iter_bytes():
                    yield chunk
        except _BROKEN as error:
            raise self._unreachable(error) from error

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  blocking is what this transport is for

    async def close(self) -> None:
        self._client.close()
        self._fresh.close()


def _is_event_stream(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and "text/event-stream" in kind
