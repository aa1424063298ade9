"""HTTP as bytes on a socket: for what no proper client would do."""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.running import RunningServer

# Longer than any answer may take; a test that reaches it has found a hang.
ANSWER_SECONDS = 30.0


def request_bytes(
    server: RunningServer,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A request as a well-behaved client would send it."""
    content = b"" if body is None else json.dumps(body).encode()
    sent = {"Host": "athena", "X-API-Key": server.key, **(headers or {})}
    if body is not None:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


@contextmanager
def held_still(server: RunningServer) -> Iterator[None]:
    """The server does nothing, as on a machine that is asleep."""
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


class Line:
    """One connection; `receive_bytes` bounds what it takes in without being read."""

    def __init__(self, server: RunningServer, *, receive_bytes: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(ANSWER_SECONDS)
        self._socket.connect(("127.0.0.1", server.port))
        self._file = self._socket.makefile("rb")

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def status(self) -> int:
        """The status of the next answer, its body read and dropped; 0: the line was cut."""
        try:
            words = self._file.readline().split()
            length = 0
            while (line := self._file.readline()) not in {b"\r\n", b""}:
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            body = self._file.read(length)
        except ConnectionError:
            return 0
        return int(words[1]) if len(words) > 1 and len(body) == length else 0

    def read_some(self) -> bytes:
        """What has come, at least one byte; nothing: the line was cut."""
        try:
            return self._file.read1()
        except ConnectionError:
            return b""

    def read_to_end(self) -> bytes:
        """Everything until the other side closes."""
        content = b""
        while part := self.read_some():
            content += part
        return content

    def hang_up(self) -> None:
        """Close as a program does that ends in peace (FIN)."""
        self._file.close()
        self._socket.close()

    def break_off(self) -> None:
        """Close as a machine does that crashes (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.hang_up()
