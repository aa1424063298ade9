"""What may answer in Athena's place: a proxy, another service, a hole in the network.

Athena itself is never imitated here: her answers come from the real server.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket, bytes], None]


@contextmanager
def stranger(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Run `script` on each connection, with the head of its first request; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        try:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            if head := _head(connection):
                script(connection, head)
        except OSError:
            pass  # the client has gone, or the test is over

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            connection.close()


def answer(status: str, kind: str, body: str, *headers: str) -> Script:
    """Always give this answer, and close."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body.encode())}",
        "Connection: close",
        *headers,
    ]
    content = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def script(connection: socket.socket, _: bytes) -> None:
        connection.sendall(content)
        connection.close()

    return script


def silence(connection: socket.socket, _: bytes) -> None:
    """Take the request and never answer; the connection stays open until the client leaves."""
    while connection.recv(65536):
        pass


def drip(connection: socket.socket, _: bytes) -> None:
    """Answer byte by byte, so that no single wait is long."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{")
    connection.settimeout(0.1)
    while True:
        connection.sendall(b" ")
        try:
            if not connection.recv(65536):
                return
        except TimeoutError:
            continue


def closed_port() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@contextmanager
def before(url: str, *, losing: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A proxy before `url`. Requests arrive there, but the first `losing` answers are lost."""
    host, _, port = url.removeprefix("http://").partition(":")
    left = [losing]

    def script(connection: socket.socket, request: bytes) -> None:
        with socket.create_connection((host, int(port))) as server:
            server.sendall(_whole(connection, request))
            answer = _whole(server, _head(server))
            if left[0] > 0:
                left[0] -= 1
            else:
                connection.sendall(answer)
        connection.close()

    with stranger(script, tls=tls) as address:
        yield address


def _head(connection: socket.socket) -> bytes:
    """What has come when the head is there, with some of the body; nothing where it broke off."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return b""
        head += piece
    return head


def _whole(connection: socket.socket, message: bytes) -> bytes:
    """The message with the rest of its body."""
    head, _, body = message.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(sizes[0].partition(b":")[2]) if sizes else 0
    while len(body) < size and (piece := connection.recv(65536)):
        body += piece
    return head + b"\r\n\r\n" + body
