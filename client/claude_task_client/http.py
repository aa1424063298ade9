"""The transport of the commands: http.client, which is imported in a quarter of httpx2's time."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final
from urllib.parse import urlsplit

from claude_task_client.errors import Unreachable
from claude_task_client.transport import (
    ANSWER_BYTES_MAX,
    STREAM_SILENCE_SECONDS,
    Answer,
    Call,
    is_repeatable,
    read_answer,
    stranger,
    worth_another_try,
)

TIMEOUT_SECONDS: Final = 10.0
READ_BYTES: Final = 64 * 1024


class HttpTransport:
    """Blocking calls over one kept connection. None of its coroutines ever suspends."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retry_seconds: float = 0.0,
        on_retry: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self.url = url
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._on_retry = on_retry
        self._base_path = urlsplit(url).path
        self._connection: http.client.HTTPConnection | None = None

    async def send(self, call: Call) -> Answer:
        """Send a call, again for `retry_seconds` where that is safe."""
        try:
            return self.send_once(call)
        except Exception as error:
            if not self._retry_seconds or worth_another_try(call)(error) is False:
                raise
            self._on_retry(error)
        return self._send_again(call)

    def send_once(self, call: Call) -> Answer:
        """Send a call; a second time only where a kept connection turns out to be closed."""
        kept = self._connection is not None
        try:
            return self._exchange(call)
        except Unreachable:
            if not (kept and is_repeatable(call)):
                raise
        return self._exchange(call)

    async def stream(self, call: Call, *, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """The bytes of an event stream, on a connection of its own."""
        connection = self._connect(STREAM_SILENCE_SECONDS)
        headers = {**call.headers(self._key), "Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        try:
            connection.request("GET", self._base_path + call.target, headers=headers)
            response = connection.getresponse()
            names = _lower(response)
            if response.status != 200 or "text/event-stream" not in names.get("content-type", ""):
                read_answer(self.url, response.status, names, response.read(ANSWER_BYTES_MAX))
                raise stranger(self.url, response.status, names)
            while chunk := response.read1(READ_BYTES):
                yield chunk
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            connection.close()

    async def sleep(self, seconds: float) -> None:
        """Block."""
        time.sleep(seconds)  # noqa: ASYNC251  blocking is what this transport is for

    async def close(self) -> None:
        """Close the kept connection."""
        self.drop()

    def drop(self) -> None:
        """Forget the kept connection, in whatever state it is."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, call: Call) -> Answer:
        timeout = self._timeout_seconds + call.wait_seconds
        try:
            connection = self._kept(timeout)
            connection.request(
                call.method, self._base_path + call.target, call.content(), call.headers(self._key)
            )
            response = connection.getresponse()
            content = response.read(ANSWER_BYTES_MAX)
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            self.drop()
            raise self._unreachable(error) from error
        if response.will_close:
            self.drop()
        return read_answer(self.url, response.status, _lower(response), content)

    def _send_again(self, call: Call) -> Answer:
        # Imported only when something has failed: it takes as long as a whole request.
        import stamina

        stamina.instrumentation.set_on_retry_hooks([])  # a command's output is its own
        for attempt in stamina.retry_context(
            on=worth_another_try(call), attempts=None, timeout=self._retry_seconds, wait_jitter=0.1
        ):
            with attempt:
                return self._exchange(call)
        raise AssertionError("stamina ends with an answer or an error")

    def _kept(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = self._connect(timeout)
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        return self._connection

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout, context=trust()
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"Athena is not reachable at {self.url}: {reason(error)}.")


def reason(error: Exception) -> str:
    """Why a connection failed, in a person's words."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case ConnectionRefusedError():
            return "nothing listens there"
        case socket.gaierror() | UnicodeError():
            return "its host name is not known"
        case http.client.RemoteDisconnected() | ConnectionResetError():
            return "the connection was closed without an answer"
        case http.client.HTTPException():
            return "what answers does not speak HTTP"
        case OSError():
            return error.strerror or str(error) or type(error).__name__
        case _:
            return type(error).__name__


def trust() -> ssl.SSLContext:
    """Whose certificates count: the system's trust store, and `SSL_CERT_FILE` where it is set."""
    # The ssl module alone finds no certificates on macOS.
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
