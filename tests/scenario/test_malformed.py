"""I10, I11: whatever is sent, the answer is a refusal, soon, and the log stays quiet."""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import all_of, crowd_of
from tests.scenario.wire import Line, request_bytes
from tests.store.engines import mostly_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# The specification's bound for any answer is ten seconds; a few hundred go at a time here.
ANSWER_SECONDS = 20.0
MARK = "smuggled-into-the-log"

Dice = random.Random
Forge = Callable[[Dice, str], bytes]

PATHS = [
    ("POST", "/api/tasks"),
    ("POST", "/api/claim"),
    ("POST", "/api/tasks/1/claim"),
    ("PUT", "/api/tasks/1/status"),
    ("POST", "/api/tasks/1/complete"),
    ("POST", "/api/tasks/1/fail"),
    ("POST", "/api/tasks/1/park"),
    ("POST", "/api/tasks/1/log"),
    ("POST", "/api/tasks/1/questions"),
    ("POST", "/api/tasks/1/messages"),
    ("POST", "/api/questions/1/answer"),
    ("PATCH", "/api/tasks/1"),
    ("POST", "/api/instance/heartbeat"),
    ("POST", "/api/keys"),
    ("POST", "/api/pause"),
]
READS = [
    "/api/tasks",
    "/api/tasks/1",
    "/api/tasks/1/events",
    "/api/tasks/1/why",
    "/api/tasks/1/result",
    "/api/tasks/1/log",
    "/api/tasks/1/messages",
    "/api/questions",
    "/api/questions/1",
    "/api/sessions",
    "/api/sessions/1",
    "/api/sessions/%2F%00/tasks",
    "/api/tasks/next",
    "/api/events",
    "/api/instances",
    "/api/stats",
    "/api/keys",
    "/metrics",
]
FIELDS = [
    *("description", "priority", "project", "target", "lane", "not_before", "depends_on"),
    *("max_attempts", "metadata", "continues", "created_by", "instance", "lease_seconds", "wait"),
    *("finish", "labels", "projects", "attempt", "notes", "result", "error", "retry", "until"),
    *("status", "phase", "progress", "tasks", "health", "slots", "name", "scopes", "expires_at"),
    *("first", "lines", "session_id", "kind", "text", "choices", "action", "answer", "question"),
]
PARAMETERS = [
    *("status", "project", "target", "claimed_by", "priority", "q", "limit", "cursor", "wait"),
    *("instance", "labels", "projects", "after", "type", "task", "actor", "before", "nonsense"),
    *("tail", "follow"),
]
NASTY_TEXT = [
    *("", " ", "\x00", "\x1b[2J", "\u202e", "\ufeff", "\ud800", "a" * 30_000, "٣", "1e9", "NaN"),
    *("' OR 1=1 --", "%s%n", "../../etc/passwd", "<script>", "@everyone", "-1", "0x10", "null"),
    *("9" * 40, "2026-13-45T99:99:99Z", "0000-00-00", "9999-12-31T23:59:59-14:00", "P1D"),
    f"\r\n2026-11-21 [error] {MARK}\r\n",
]
NASTY_NUMBERS = [
    *(0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**40),
    *(0.5, -0.0, 1e308, 1e-320),
]
NASTY_QUERY = [
    *("", "%", "%00", "%ff", "%zz", "+", "0", "-1", "9223372036854775807", "9223372036854775808"),
    *("99999999999999999999999", "%D9%A3", "1,,2", ",", "all,all", "a" * 5_000, "%ED%A0%80"),
    f"%0d%0a{MARK}",
]


def nasty_value(dice: Dice, depth: int = 0) -> object:
    kind = dice.randrange(8 if depth < 4 else 4)
    if kind < 2:
        return dice.choice(NASTY_TEXT)
    if kind == 2:
        return dice.choice(NASTY_NUMBERS)
    if kind == 3:
        return dice.choice([None, True, False])
    if kind < 6:
        return [nasty_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {
        dice.choice([*FIELDS, *NASTY_TEXT]): nasty_value(dice, depth + 1)
        for _ in range(dice.randrange(5))
    }


def head(dice: Dice, key: str, method: str, path: str, **further: str) -> bytes:
    lines = {"Host": "athena", "X-API-Key": key, **further}
    if dice.random() < 0.05:
        lines.pop(dice.choice(["Host", "X-API-Key"]))
    text = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{text}".encode("utf-8", "surrogatepass")


def with_body(dice: Dice, key: str, body: bytes, **further: str) -> bytes:
    method, path = dice.choice(PATHS)
    lines = {"Content_Type": "application/json", "Content_Length": str(len(body)), **further}
    return head(dice, key, method, path, **lines) + b"\r\n" + body


def wrong_fields(dice: Dice, key: str) -> bytes:
    """JSON of an object, with fields of the right names and the wrong kinds."""
    fields = dice.sample(FIELDS, dice.randrange(1, 6))
    value = {name: nasty_value(dice) for name in fields}
    return with_body(dice, key, json.dumps(value).encode())


def no_object(dice: Dice, key: str) -> bytes:
    """JSON that is no object, or is nested beyond reason."""
    deep = dice.choice([100, 2_000, 60_000])
    texts = [
        json.dumps(nasty_value(dice)).encode(),
        b"[" * deep + b"]" * deep,
        b'{"a":' * deep + b"1" + b"}" * deep,
        b'{"description":"a","description":"b"}',
        b'{"description": NaN, "wait": Infinity}',
        b'{"wait": 1e999, "max_attempts": ' + b"9" * 5_000 + b"}",
    ]
    return with_body(dice, key, dice.choice(texts))


def no_json(dice: Dice, key: str) -> bytes:
    """A body of bytes, or JSON that was damaged on the way."""
    good = json.dumps({"description": "a task", "instance": "pi"}).encode()
    cut = dice.randrange(len(good))
    bodies = [
        dice.randbytes(dice.randrange(1, 300)),
        good[:cut],
        good[:cut] + bytes([dice.randrange(256)]) + good[cut + 1 :],
        good.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + good,
        b'{"description": "\xff\xfe"}',
        b'{"description": "\\ud800"}',
        b'{"description": "\\u0000"}',
    ]
    return with_body(dice, key, dice.choice(bodies))


def wrong_kind(dice: Dice, key: str) -> bytes:
    """A body of another media type or coding, or of another length than it says."""
    good = b'{"description": "a task", "instance": "pi"}'
    odd: list[dict[str, str]] = [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Type": dice.choice(NASTY_TEXT[5:20])},
        {"Content_Encoding": "gzip"},
        {"Content_Length": "-1"},
        {"Content_Length": "+5"},
        {"Content_Length": "٣"},
        {"Content_Length": "10, 20"},
        {"Transfer_Encoding": "gzip"},
        {"Transfer_Encoding": "chunked"},
        {"Expect": "the unexpected"},
    ]
    further = dice.choice(odd)
    body = zlib.compress(good) if "Content_Encoding" in further else good
    return with_body(dice, key, body, **further)


def odd_headers(dice: Dice, key: str) -> bytes:
    """Headers that mean something, with values that mean nothing."""
    name = dice.choice(
        ["Idempotency-Key", "Last-Event-ID", "Accept", "Authorization", "X-Forwarded-For", "Cookie"]
    )
    value = dice.choice(NASTY_TEXT).replace("\r\n", " ").replace("\x00", "")[:6_000]
    path = "/api/tasks" if name != "Last-Event-ID" else "/api/events?after=-"
    body = b'{"description": ""}'
    lines = {"Content_Type": "application/json", "Content_Length": str(len(body)), name: value}
    return head(dice, key, "POST", path, **lines) + b"\r\n" + body


def odd_queries(dice: Dice, key: str) -> bytes:
    """Queries with names and values out of order."""
    pairs = [
        f"{dice.choice(PARAMETERS)}={dice.choice(NASTY_QUERY)}" for _ in range(dice.randrange(1, 4))
    ]
    path = f"{dice.choice(READS)}?{'&'.join(pairs)}"
    method = dice.choice(["GET", "GET", "GET", "DELETE", "HEAD"])
    return head(dice, key, method, path, Accept="application/json") + b"\r\n"


def odd_paths(dice: Dice, key: str) -> bytes:
    """Ids that are no ids, paths that lead nowhere, methods that there are not."""
    odd_id = dice.choice([*NASTY_QUERY[:13], "0", "-0", "01", "1.0", "1e3", "%2e%2e", "..", "{id}"])
    paths = [
        f"/api/tasks/{odd_id}",
        f"/api/tasks/{odd_id}/claim",
        f"/api/keys/{odd_id}",
        f"/api/../api/tasks/{odd_id}",
        f"//api//tasks//{odd_id}",
        f"http://elsewhere/api/tasks/{odd_id}",
        "*",
        "/" + "a" * dice.choice([10, 9_000]),
        f"/{MARK}%0d%0a{MARK}",
    ]
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"]
    return head(dice, key, dice.choice(methods), dice.choice(paths)) + b"\r\n"


def no_http(dice: Dice, key: str) -> bytes:
    """Bytes, and what nearly is a request; each ends as a request does, so an answer is due."""
    good = head(dice, key, "GET", "/api/tasks") + b"\r\n"
    cut = dice.randrange(4, len(good) - 4)
    noise = dice.randbytes(dice.randrange(1, 200)).replace(b"\n", b"")
    texts = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise,
        b"GET / HTTP/9.9",
        b"GET /api/tasks",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        noise,
        good[:cut] + noise + good[cut:],
        good[:cut] + b"\x00" + good[cut:],
        good.replace(b"Host:", b"Host :"),
        good.replace(b"X-API-Key: ", b"X-API-Key: \x00"),
        good.replace(b"\r\nX-", b"\r\nA: " + b"a" * 70_000 + b"\r\nX-"),
        good.replace(b"\r\nX-", b"\r\n" + b"A: b\r\n" * 3_000 + b"X-"),
        b"POST /api/tasks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz",
    ]
    return dice.choice(texts) + b"\r\n\r\n"


FORGES: list[Forge] = [
    wrong_fields,
    wrong_fields,
    no_object,
    no_json,
    wrong_kind,
    odd_headers,
    odd_queries,
    odd_queries,
    odd_paths,
    no_http,
]


async def answer_to(port: int, request: bytes) -> bytes:
    """The first line that comes back, while our side of the connection stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            writer.write(request)
            await writer.drain()
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def forged(seed: int, count: int, key: str) -> Iterator[tuple[str, bytes]]:
    dice = random.Random(seed)
    for number in range(count):
        forge = FORGES[number % len(FORGES)]
        yield forge.__name__, forge(dice, key)


async def test_five_thousand_malformed_requests_are_refused(
    start_server: Callable[..., RunningServer], is_full: bool
) -> None:
    """Each gets an answer that is no 5xx; the log gets no traceback, no forged line, no key."""
    server = start_server(LOG_LEVEL="DEBUG", LOG_FORMAT="json")
    server.ask("POST", "/api/tasks", {"description": "a task"})
    answers: Counter[tuple[str, bytes]] = Counter()
    requests = forged(7, 50_000 if is_full else 5_000, server.key)

    async def work() -> None:
        for name, request in requests:
            line = await answer_to(server.port, request)
            status = line.split(b" ")[1] if line.startswith(b"HTTP/1.1 ") else line
            assert status[:1] != b"5", request[:2_000]
            assert status, (name, request[:2_000])
            answers[name, status] += 1

    await all_of([work() for _ in range(16)], seconds=800)

    assert {status for _, status in answers} >= {b"400", b"401", b"404", b"405", b"415", b"422"}
    assert server.ask("GET", "/health").body["status"] == "ok"
    check_log(server)


@mostly_on("sqlite", "the log is written in one place")
async def test_no_line_of_the_log_is_forged_for_people_either(
    start_server: Callable[..., RunningServer],
) -> None:
    """In the form for people, too, each line of the log is the server's own."""
    server = start_server(LOG_LEVEL="DEBUG", LOG_FORMAT="console")
    for _, request in forged(11, 500, server.key):
        await answer_to(server.port, request)

    server.ask("GET", "/health")
    lines = server.log.read_text("utf-8").splitlines()
    assert len(lines) > 400
    strange = [line for line in lines if not _LINE_FOR_PEOPLE.match(line)]
    assert not strange, strange[:5]


_LINE_FOR_PEOPLE = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z \[(debug|info|warning) +\] ")


def check_log(server: RunningServer) -> None:
    raw = server.log.read_bytes()
    assert server.key.encode() not in raw
    assert b"Traceback" not in raw
    lines = [json.loads(line) for line in raw.splitlines()]
    assert len(lines) > 1_000
    assert {line["level"] for line in lines} <= {"debug", "info", "warning"}
    assert not any(MARK in line["event"] for line in lines)


def test_a_position_beyond_all_events_is_the_end_of_the_log(server: RunningServer) -> None:
    """The greatest number that is taken as a position leads to an empty page."""
    far = 2**63 - 1
    path = f"/api/events?after={far}&limit=500"

    answer = server.ask("GET", path, headers={"Accept": "application/json"})

    assert (answer.status, answer.body) == (200, {"events": [], "next_after": far})


@mostly_on("sqlite", "it is about connections, not about what is stored")
async def test_slow_senders_hold_up_nobody_else(server: RunningServer) -> None:
    """A hundred who stop in the middle of a head or a body cost the others nothing."""
    whole = request_bytes(server, "POST", "/api/tasks", {"description": "slow"})
    slow = [Line(server) for _ in range(100)]
    for number, line in enumerate(slow):
        line.send(whole[: 10 if number % 2 else -5])

    async with crowd_of(server) as crowd:
        ids = await crowd.submit_many(200)

    assert len(ids) == 200
    for line in slow:
        line.hang_up()
    listed = server.ask("GET", "/api/tasks?q=slow").body["tasks"]
    assert listed == []


@mostly_on("sqlite", "it is about connections, not about what is stored")
def test_requests_that_come_in_one_piece_are_answered_in_order(server: RunningServer) -> None:
    """Pipelining: a hundred requests in one write are answered one after the other."""
    line = Line(server)
    pair = [("POST", "/api/tasks", {"description": "x"}), ("GET", "/api/tasks/999", None)]

    line.send(b"".join(request_bytes(server, *ask) for ask in pair * 50))

    assert [line.status() for _ in range(100)] == [201, 404] * 50
    line.hang_up()


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many open files as a thousand connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_000:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@mostly_on("sqlite", "it is about connections, not about what is stored")
@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: athena\r\n"])
def test_a_thousand_silent_connections_keep_nobody_out(
    many_files: None, server: RunningServer, said: bytes
) -> None:
    """Beyond the bound, those go first who ask for nothing: whoever asks is answered."""
    with ExitStack() as stack:
        working = Line(server)
        stack.callback(working.hang_up)
        working.send(request_bytes(server, "POST", "/api/claim", {"instance": "pi", "wait": 60}))
        for _ in range(1_200):
            line = Line(server)
            stack.callback(line.hang_up)
            line.send(said)

        for _ in range(50):
            assert is_served(server)

        task = server.ask("POST", "/api/tasks", {"description": "for the one who waits"})
        assert task.status == 201
        assert working.status() == 200
    assert b"Traceback" not in server.log.read_bytes()


@mostly_on("sqlite", "it is about connections, not about what is stored")
def test_more_polls_than_there_may_be_are_turned_away(
    many_files: None, server: RunningServer
) -> None:
    """Where all connections are at work, further ones are cut; room comes back with time."""
    poll = request_bytes(server, "GET", "/api/tasks/1/result?wait=60")
    server.ask("POST", "/api/tasks", {"description": "never done"})
    with ExitStack() as stack:
        for _ in range(1_000):
            line = Line(server)
            stack.callback(line.hang_up)
            try:
                line.send(poll)
            except ConnectionError:
                break

    deadline = time.monotonic() + ANSWER_SECONDS
    while not is_served(server):
        assert time.monotonic() < deadline
    assert b"Traceback" not in server.log.read_bytes()


def is_served(server: RunningServer) -> bool:
    line = Line(server)
    try:
        line.send(request_bytes(server, "GET", "/health"))
        return line.status() == 200
    except ConnectionError:
        return False
    finally:
        line.hang_up()
