"""HTTP itself: methods, kinds and sizes of bodies, connections, and bytes that are no HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging

import pytest

from athena.api import reading
from athena.model.limits import BODY_BYTES_MAX
from tests.api.driver import ADMIN, ApiDriver
from tests.api.raw import RawAnswer, request, send

JSON = "Content-Type: application/json"
CANARY = "canary4711"


def code_of(answer: RawAnswer) -> str:
    """The code of a problem that repeats nothing."""
    assert "application/problem+json" in answer.head
    assert "X-Content-Type-Options: nosniff" in answer.head
    assert CANARY not in answer.head
    assert CANARY.encode() not in answer.body
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    return str(problem["code"])


async def only(port: int, *parts: bytes) -> RawAnswer:
    answers = await send(port, *parts)
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/tasks/", "/nothing", "/api/tasks/1/x", "/%00", "//", "/.."]
)
async def test_unknown_paths_are_404(api: ApiDriver, path: str):
    """The path is not repeated; where keys are needed, only a key learns that nothing is there."""
    answer = await only(api.port, request("GET", path, key=ADMIN))
    assert (answer.status, code_of(answer)) == (404, "not_found")

    stranger = await only(api.port, request("GET", path, key=None))
    assert stranger.status == (401 if path.startswith("/api") else 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_are_405(api: ApiDriver, method: str):
    """`Allow` names those that there are."""
    answer = await only(api.port, request(method, "/api/tasks", key=ADMIN))

    assert (answer.status, code_of(answer)) == (405, "method_not_allowed")
    assert "Allow: DELETE, GET, HEAD, POST" in answer.head


async def test_head_is_get_without_a_body(api: ApiDriver):
    """The same head, length and all."""
    await api.submitted()
    for path in ("/health", "/api/tasks/1", "/openapi.json", "/docs"):
        got = await api.ask("GET", path)
        head = await api.ask("HEAD", path)
        assert head.status == 200
        assert head.content == b""
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert int(head.headers["Content-Length"]) >= len(got.content) - 5  # the uptime grows
    stream = await api.ask("HEAD", "/api/events")
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert (await api.ask("HEAD", "/api/tasks", key=None)).status == 401


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/xml",
        "",
        f"x{CANARY}",
    ],
)
async def test_other_media_types_are_415(api: ApiDriver, kind: str):
    """A form is not read as JSON by accident."""
    body = b'{"description": "x"}'
    answer = await only(
        api.port,
        request("POST", "/api/tasks", body, key=ADMIN, headers=(f"Content-Type: {kind}",)),
    )

    assert (answer.status, code_of(answer)) == (415, "unsupported_media_type")


async def test_packed_bodies_are_415(api: ApiDriver):
    """They could grow without bound."""
    body = gzip.compress(b'{"description": "x"}')
    headers = (JSON, "Content-Encoding: gzip")

    answer = await only(api.port, request("POST", "/api/tasks", body, key=ADMIN, headers=headers))

    assert (answer.status, code_of(answer)) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "APPLICATION/JSON", 'application/json;charset="UTF-8"'],
)
async def test_json_may_be_named_in_any_way(api: ApiDriver, kind: str):
    """As RFC 9110 has it; and a body without a kind is taken for JSON."""
    for headers in ((f"Content-Type: {kind}",), ()):
        body = b'{"description": "x"}'
        answer = await only(
            api.port, request("POST", "/api/tasks", body, key=ADMIN, headers=headers)
        )
        assert answer.status == 201


async def test_bodies_are_bounded(api: ApiDriver):
    """256 KiB are taken; more is 413, announced or not."""

    def submission(size: int) -> bytes:
        start = b'{"description": "x"'
        return start + b" " * (size - len(start) - 1) + b"}"

    def chunked(body: bytes) -> bytes:
        head = request(
            "POST", "/api/tasks", key=ADMIN, headers=(JSON, "Transfer-Encoding: chunked")
        )
        return head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"

    def plain(body: bytes) -> bytes:
        return request("POST", "/api/tasks", body, key=ADMIN, headers=(JSON,))

    for form in (plain, chunked):
        assert (await only(api.port, form(submission(BODY_BYTES_MAX)))).status == 201
        refused = await only(api.port, form(submission(BODY_BYTES_MAX + 1)))
        assert (refused.status, code_of(refused)) == (413, "too_large")
    huge = request("POST", "/api/tasks", key=ADMIN, headers=(JSON, "Content-Length: 99999999999"))
    refused = await only(api.port, huge)
    assert (refused.status, code_of(refused)) == (413, "too_large")


async def test_a_body_that_comes_in_pieces_is_read_whole(api: ApiDriver):
    """However the network cuts it."""
    whole = request("POST", "/api/tasks", b'{"description": "x"}', key=ADMIN, headers=(JSON,))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    for byte in whole:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)

    assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_a_body_that_never_comes_is_408(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """Nobody holds a connection with half a request for ever."""
    monkeypatch.setattr(reading, "_BODY_SECONDS_MAX", 0.05)
    half = request(
        "POST", "/api/tasks", key=ADMIN, headers=(JSON, "Content-Length: 20"), close=False
    )

    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(half + b"{")

    assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_expectations(api: ApiDriver):
    """100-continue is met before the body comes, and not where it is refused; others are 417."""
    head = request(
        "POST",
        "/api/tasks",
        key=ADMIN,
        headers=(JSON, "Content-Length: 20", "Expect: 100-continue"),
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(head)
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    writer.write(b'{"description": "x"}')
    assert b"HTTP/1.1 201 Created" in await reader.read()
    writer.close()

    other = head.replace(b"100-continue", CANARY.encode())
    answer = await only(api.port, other + b'{"description": "x"}')
    assert (answer.status, code_of(answer)) == (417, "expectation_failed")


async def test_connections_are_kept(api: ApiDriver):
    """Requests may follow each other, and be sent before the answers are there."""
    get = request("GET", "/health", close=False)

    answers = await send(api.port, get * 5 + request("GET", "/health"))

    assert [answer.status for answer in answers] == [200] * 6


async def test_old_clients_are_understood(api: ApiDriver):
    """HTTP/1.0, kept alive or not; the absolute form, as it is sent to a proxy."""
    old = await only(api.port, request("GET", "/health", version="1.0", close=False))
    assert "Connection: close" in old.head
    keep = ("Connection: keep-alive",)
    kept = await send(
        api.port,
        request("GET", "/health", version="1.0", headers=keep, close=False),
        request("GET", "/health", version="1.0", close=False),
    )
    assert [answer.status for answer in kept] == [200, 200]
    assert "Connection: keep-alive" in kept[0].head
    absolute = await only(api.port, request("GET", "http://athena:5051/health?x=1"))
    assert absolute.status == 200


async def test_every_answer_has_an_id_of_its_own(api: ApiDriver):
    """To be found again in the log."""
    ids = {(await api.ask("GET", path)).headers["X-Request-ID"] for path in ("/health", "/nothing")}
    headers = {"X-API-Key": ADMIN}
    async with api.session.get(f"{api.url}/api/events", headers=headers) as stream:
        ids.add(stream.headers["X-Request-ID"])

    assert len(ids - {""}) == 3


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,
        b"hello canary4711\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9 canary4711\r\n\r\n",
        b"G\x00ET /canary4711 HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nX-API-Key: canary4711\x00\r\n\r\n",
        b"GET /health HTTP/1.1\r\ncanary4711\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n: canary4711\r\n\r\n",
        b"GET /health HTTP/1.1\r\nX: " + b"canary4711" * 2_000 + b"\r\n\r\n",
        b"GET /" + b"canary4711" * 2_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"X: canary4711\r\n" * 500 + b"\r\n",
        b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\ncanary4711",
        b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nContent-Length: canary4711\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\ncanary4711",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ncanary4711",
        (
            b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nX-API-Key: the-admin-key-of-the-tests\r\n"
            b"Transfer-Encoding: chunked\r\n\r\ncanary4711\r\n"
        ),
    ],
)
async def test_what_is_no_http_is_400(
    api: ApiDriver,
    garbage: bytes,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
):
    """A problem like any other; neither it nor the log repeats the bytes or has a traceback."""
    with caplog.at_level(logging.DEBUG):
        answer = await only(api.port, garbage)

    assert (answer.status, code_of(answer)) == (400, "bad_request")
    logged = caplog.text + capsys.readouterr().out
    assert CANARY not in logged
    assert "Traceback" not in logged


async def test_upgrades_are_not_taken(api: ApiDriver):
    """A request for a WebSocket is an ordinary request; CONNECT is none."""
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    twice = request("GET", "/health", headers=headers, close=False) + request("GET", "/health")
    plain = (await send(api.port, twice))[0]
    assert plain.status == 200
    tunnel = await only(api.port, request("CONNECT", "athena:443"))
    assert tunnel.status in {400, 404, 405}
