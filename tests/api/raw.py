"""Bytes to a port and back, for requests that no client library would send."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

DEADLINE_SECONDS = 30.0


@dataclass(slots=True)
class RawAnswer:
    """What came back, cut into its parts as far as it is HTTP."""

    status: int
    head: str
    body: bytes


async def send(port: int, *parts: bytes) -> list[RawAnswer]:
    """Send the parts on a connection of their own, and read answers until the server closes."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return answers_in(await reader.read())
        except ConnectionError:
            return []
        finally:
            writer.close()


def answers_in(stream: bytes) -> list[RawAnswer]:
    """The answers that stand one after another in what came back."""
    answers = []
    while stream.startswith(b"HTTP/1.1 "):
        head, _, rest = stream.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        status = int(text[9:12])
        length = 0
        for line in text.split("\r\n")[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "content-length":
                length = int(value)
        if status != 100:
            answers.append(RawAnswer(status, text, rest[:length]))
        stream = rest[length:] if status != 100 else rest
    assert not stream, stream[:200]
    return answers


def request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    key: str | None = None,
    headers: tuple[str, ...] = (),
    version: str = "1.1",
    close: bool = True,
) -> bytes:
    """A request as bytes; its last header closes the connection."""
    lines = [f"{method} {path} HTTP/{version}", "Host: athena", *headers]
    if key is not None:
        lines.append(f"X-API-Key: {key}")
    if body and not any(line.lower().startswith("content-length") for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
