"""Thousands of requests that are wrong in some way, the same ones in every run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from athena.api.endpoint import Endpoint, load_endpoints
from tests.api.raw import request

ENDPOINTS = tuple(e for e in load_endpoints() if e.name not in {"follow_events", "revoke_key"})
WITH_BODY = tuple(endpoint for endpoint in ENDPOINTS if endpoint.body is not None)
HUGE = 10**400

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.5, 6.0, 1e308, -0.0, 2**31, HUGE),
    *(2**63 - 1, 2**63, 2**64, -(2**63) - 1),
    *("", " ", "x", "0", "null", "\x00", "\ud800", "\u202e", "🚀" * 100, "x" * 70_000),
    *("a\r\nb: c", "../../etc/passwd", "'; DROP TABLE tasks; --", "%00%s%n{}", "-inf"),
    *("2026-11-21T20:00:00Z", "9999-99-99", "0001-01-01T00:00:00+23:59"),
    *([], [[]], [1, "a", None], {}, {"a": {}}, [{}] * 600),
)
KINDS = ("application/json",) * 12 + ("text/plain", "application/json; charset=utf-16", "", "\xff")
IDS = ("1", "2", "0", "-1", "x", "9223372036854775808", "1" * 500, "%00", "1%0d%0a", "..", "１", "")
METHODS = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "BREW",
    "get",
    "CONNECT",
)
HEADERS = (
    "Content-Length: 0",
    "Content-Length: -1",
    "Content-Length: 18446744073709551616",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Content-Encoding: gzip",
    "Expect: 100-continue",
    "Expect: nothing",
    "Upgrade: websocket",
    "Connection: upgrade",
    "Accept: application/json",
    "Idempotency-Key: \x00",
    "Idempotency-Key: a",
    "Last-Event-ID: x",
    "X-Forwarded-For: x, y",
    "Range: bytes=0-1",
    "Cookie: a=b; c",
    "Host: b",
    ": nothing",
    "no colon",
    " folded",
    "X-" + "y" * 9_000 + ": z",
    "X-Y: \udcff\udcfe",
)

Draw = random.Random


def malformed_requests(count: int, key: str) -> Iterator[bytes]:
    """So many of them; all carry the key, so that they get past the door."""
    draw = random.Random(4711)
    makers: tuple[Callable[[Draw, str], bytes], ...] = (
        wrong_values,
        wrong_values,
        wrong_values,
        broken_json,
        odd_target,
        odd_headers,
        broken_http,
        noise,
    )
    for number in range(count):
        yield makers[number % len(makers)](draw, key)


def path_of(draw: Draw, endpoint: Endpoint) -> str:
    return endpoint.path.replace("{id}", draw.choice(("1", "2", "3", draw.choice(IDS))))


def wrong_values(draw: Draw, key: str) -> bytes:
    """A body of the right fields with anything in them."""
    endpoint = draw.choice(WITH_BODY)
    assert endpoint.body is not None
    names = [*endpoint.body.model_fields, "instance", "unknown", "", "\x00"]
    body: Any = {
        name: "pi" if name == "instance" and draw.random() < 0.7 else draw.choice(VALUES)
        for name in draw.sample(names, draw.randint(0, min(6, len(names))))
    }
    if (
        "wait" in body
        and isinstance(body["wait"], int | float)
        and not isinstance(body["wait"], bool)
    ):
        body["wait"] = draw.choice((-1, 61, 0.01))
    if draw.random() < 0.1:
        body = draw.choice(VALUES)
    content = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    headers = (f"Content-Type: {draw.choice(KINDS)}",)
    return request(endpoint.method, path_of(draw, endpoint), content, key=key, headers=headers)


def broken_json(draw: Draw, key: str) -> bytes:
    """A good body with bytes changed, lost, doubled or put in."""
    content = bytearray(b'{"instance": "pi", "attempt": 1, "result": {"a": [1, 2.5, "\\u00e9"]}}')
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(content))
        match draw.randrange(4):
            case 0:
                content[place] = draw.randrange(256)
            case 1:
                del content[place : place + draw.randint(1, 10)]
            case 2:
                content[place:place] = content[: draw.randint(1, 30)]
            case _:
                content[place:place] = draw.choice(
                    (b"[" * 3_000, b"\x00", b"\xff", b"\\ud800", b"1e999")
                )
        content = content or bytearray(b"{")
    endpoint = draw.choice(WITH_BODY)
    headers = ("Content-Type: application/json",)
    return request(
        endpoint.method, path_of(draw, endpoint), bytes(content), key=key, headers=headers
    )


def odd_target(draw: Draw, key: str) -> bytes:
    """Paths, methods and queries of all kinds."""
    endpoint = draw.choice(ENDPOINTS)
    path = path_of(draw, endpoint)
    names = [*(endpoint.query.model_fields if endpoint.query else ()), "unknown", "", "%00", "a[]"]
    values = (
        "",
        "1",
        "-1",
        "x",
        "all",
        "%00",
        "%ff%fe",
        "%ed%a0%80",
        "%",
        "%zz",
        "a,b,,",
        "9" * 40,
        "+",
    )
    query = "&".join(
        f"{draw.choice(names)}={draw.choice(values)}" for _ in range(draw.randint(0, 4))
    )
    method = endpoint.method if draw.random() < 0.7 else draw.choice(METHODS)
    odd = draw.choice(("", "", "", "/", "//", "/../x", "?", "#x", "%2e%2e", "\u00e9", "\x7f"))
    return request(method, f"{path}{odd}{'?' if query else ''}{query}", key=key)


def odd_headers(draw: Draw, key: str) -> bytes:
    """A good request with headers that contradict it, or each other."""
    endpoint = draw.choice(ENDPOINTS)
    headers = tuple(draw.sample(HEADERS, draw.randint(1, 4)))
    body = draw.choice((b"", b"{}", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"\x1f\x8b\x08"))
    version = draw.choice(("1.1", "1.1", "1.0", "0.9", "2.0", "1.2", "x"))
    path = path_of(draw, endpoint)
    return request(endpoint.method, path, body, key=key, headers=headers, version=version)


def broken_http(draw: Draw, key: str) -> bytes:
    """A good request with bytes changed, lost or doubled anywhere."""
    content = bytearray(wrong_values(draw, key))
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(min(len(content), 200))
        match draw.randrange(3):
            case 0:
                content[place] = draw.randrange(256)
            case 1:
                del content[place : place + draw.randint(1, 20)]
            case _:
                content[place:place] = draw.choice((b"\r\n", b"\x00", b"\n", b" ", b":", b"\r"))
    return bytes(content)


def noise(draw: Draw, _: str) -> bytes:
    """Bytes."""
    return draw.randbytes(draw.randint(1, 2_000)) + draw.choice((b"", b"\r\n\r\n", b"\n\n"))
