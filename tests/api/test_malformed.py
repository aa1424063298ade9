"""Nothing that anybody sends makes an answer of 5xx, a hang, or a traceback."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from tests.api.malformed import malformed_requests
from tests.running import KEY, RunningServer

REQUESTS = 5_000
AT_ONCE = 32
# A request that is not whole keeps the server waiting for the rest: then its sender hangs up.
PATIENCE_SECONDS = 0.4
HANG_SECONDS = 30.0


async def answer_to(port: int, content: bytes) -> int | str:
    """The status of the first answer; `closed` where there was none, `hang` where nothing came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await reader.readline()
        except TimeoutError:
            writer.write_eof()
            async with asyncio.timeout(HANG_SECONDS):
                line = await reader.readline()
        return int(line[9:12]) if line.startswith(b"HTTP/1.1 ") else "closed"
    except TimeoutError:
        return "hang"
    except ConnectionError:
        return "closed"
    finally:
        writer.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_malformed_requests_are_all_refused_well(start_server: Callable[..., RunningServer]):
    """5,000 of them: broken HTTP, wrong types, fuzzed JSON, odd paths, contradicting headers."""
    server = start_server(LOG_LEVEL="debug")
    for _ in range(3):
        assert server.ask("POST", "/api/tasks", {"description": "Stay as you are"}).status == 201
    outcomes: Counter[int | str] = Counter()
    waiting = list(enumerate(malformed_requests(REQUESTS, KEY)))
    bad: list[tuple[int | str, bytes]] = []

    async def work() -> None:
        while waiting:
            _, content = waiting.pop()
            outcome = await answer_to(server.port, content)
            outcomes[outcome] += 1
            if outcome == "hang" or (isinstance(outcome, int) and outcome >= 500):
                bad.append((outcome, content[:500]))

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    assert bad == []
    assert outcomes.total() == REQUESTS
    assert {400, 404, 405, 415, 422} <= set(outcomes)
    log = server.log.read_text(errors="replace")
    assert "Traceback" not in log
    assert "\x00" not in log
    assert KEY not in log
    assert (await server.ask_async("GET", "/health")).body["status"] == "ok"
    assert server.stop() == 0
