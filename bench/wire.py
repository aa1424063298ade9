"""The load's side of HTTP: as little of it as will do, so that the servers are what is measured.

A request is bytes made beforehand; of an answer only status and body are looked at. A connection
costs about 10 µs of CPU a request, a tenth of what any HTTP client library would.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import cast

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


Script = Generator[bytes, Answer, None]


@dataclass(slots=True)
class Tally:
    """What was counted: finished rounds, and seconds from each request to its answer.

    Scripts go on until `until` on the performance counter.
    """

    until: float = 0.0
    done: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        return time.perf_counter() < self.until


def post(path: str, body: object, key: str) -> bytes:
    """The bytes of a request."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        end = received.find(_END_OF_HEAD)
        if end >= 0:
            head = received[:end].lower()
            place = head.find(_LENGTH)
            length = int(head[place + len(_LENGTH) :].split(b"\r", 1)[0]) if place >= 0 else 0
            if len(received) >= end + len(_END_OF_HEAD) + length:
                self._received = b""
                self.answered(Answer(int(head[9:12]), received[end + len(_END_OF_HEAD) :]))
                return
        self._received = received

    @abstractmethod
    def answered(self, answer: Answer) -> None:
        """The answer to what was sent is there."""


class Scripted(Connection):
    """Sends what a script yields, and hands it the answers; `finished` says that it has ended."""

    def __init__(self, script: Script, tally: Tally) -> None:
        super().__init__()
        self._script = script
        self._seconds = tally.seconds
        self._sent_at = 0.0
        self.finished = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        self._send_next(next(self._script))

    def _send_next(self, request: bytes) -> None:
        self._sent_at = time.perf_counter()
        self.send(request)

    def answered(self, answer: Answer) -> None:
        self._seconds.append(time.perf_counter() - self._sent_at)
        try:
            self._send_next(self._script.send(answer))
        except StopIteration:
            self.finished.set_result(None)
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.finished.done():
            self.finished.set_exception(error or ConnectionError("closed by the server"))


class Caller(Connection):
    """Awaits each answer, where the cost of that does not matter."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self.send(request)
        return await self._answer

    def answered(self, answer: Answer) -> None:
        assert self._answer is not None
        self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("closed by the server"))


async def call(port: int) -> Caller:
    """A connection to a server on this machine."""
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
    return caller
