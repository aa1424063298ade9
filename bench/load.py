"""The load on a server, in a process of its own.

    python -m bench.load '{"kind": "cycles", "ports": [5051], "key": "…", "clients": 64, …}'

Prints what it has counted as JSON. Kinds: `posts` (one request over and over), `cycles` (claim,
complete), `chain` (claim the next and finish the one in hand in one request), `wakeups` (idle
pollers, one task at a time), `claims` (one claim at a time, on several servers in turn).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Final

import uvloop

from bench.report import percentile
from bench.wire import Answer, Caller, Script, Scripted, Tally, call, post

Counted = dict[str, Any]

NOTES: Final = "Deployed: the service answers on all three hosts; the old one was taken down."
_POLL_SECONDS: Final = 60
# How long the pollers are given to be idle again before the next task comes.
_SETTLING_SECONDS: Final = 0.02


async def posts(
    *, ports: Sequence[int], key: str, clients: int, seconds: float, path: str, body: object
) -> Counted:
    request = post(path, body, key)

    def script(_: int, tally: Tally) -> Script:
        while tally.goes_on:
            expect(200, (yield request))
            tally.done += 1

    return await together(ports, clients, seconds, script)


async def cycles(*, ports: Sequence[int], key: str, clients: int, seconds: float) -> Counted:
    def script(number: int, tally: Tally) -> Script:
        instance = instance_named(number)
        claim = post("/api/claim", {"instance": instance}, key)
        while tally.goes_on:
            in_hand = held((yield claim))
            body = {"instance": instance, "attempt": in_hand["attempt"], "notes": NOTES}
            expect(200, (yield post(f"/api/tasks/{in_hand['id']}/complete", body, key)))
            tally.done += 1

    return await together(ports, clients, seconds, script)


async def chain(*, ports: Sequence[int], key: str, clients: int, seconds: float) -> Counted:
    def script(number: int, tally: Tally) -> Script:
        claim = {"instance": instance_named(number)}
        in_hand = held((yield post("/api/claim", claim, key)))
        while tally.goes_on:
            finish = {"finish": {**in_hand, "notes": NOTES}}
            in_hand = held((yield post("/api/claim", claim | finish, key)))
            tally.done += 1

    return await together(ports, clients, seconds, script)


async def together(
    ports: Sequence[int], clients: int, seconds: float, script: Callable[[int, Tally], Script]
) -> Counted:
    """Many connections at once for some seconds, to several servers in turn."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    connections = []
    for number in range(clients):
        make = partial(Scripted, script(number, tally), tally)
        port = ports[number % len(ports)]
        _, connection = await loop.create_connection(make, "127.0.0.1", port)
        connections.append(connection)
    began, cpu_began = time.perf_counter(), time.process_time()
    tally.until = began + seconds
    for connection in connections:
        connection.begin()
    await asyncio.gather(*(connection.finished for connection in connections))
    took = time.perf_counter() - began
    return {
        "done": tally.done,
        "seconds": took,
        "per_second": tally.done / took,
        "p50_ms": percentile(tally.seconds, 0.50) * 1000,
        "p99_ms": percentile(tally.seconds, 0.99) * 1000,
        # Near 1, the generator and not the server would be what is measured.
        "cpu_share": (time.process_time() - cpu_began) / took,
    }


async def wakeups(*, port: int, key: str, pollers: int, rounds: int) -> Counted:
    """From submitting a task to one of the idle pollers having it, in milliseconds."""
    taken: asyncio.Queue[float] = asyncio.Queue()

    async def poll(number: int) -> None:
        caller, instance = await call(port), instance_named(number)
        claim = post("/api/claim", {"instance": instance, "wait": _POLL_SECONDS}, key)
        while True:
            answer = await caller.ask(claim)
            if answer.status == 204:
                continue
            taken.put_nowait(time.perf_counter())
            in_hand = held(answer)
            body = {"instance": instance, "attempt": in_hand["attempt"]}
            done = post(f"/api/tasks/{in_hand['id']}/complete", body, key)
            expect(200, await caller.ask(done))

    polling = [asyncio.create_task(poll(number)) for number in range(pollers)]
    submitter = await call(port)
    submit = post("/api/tasks", {"description": "Deploy the new service"}, key)
    took = []
    for _ in range(rounds):
        await asyncio.sleep(_SETTLING_SECONDS)
        began = time.perf_counter()
        submitted = asyncio.create_task(submitter.ask(submit))
        took.append((await taken.get() - began) * 1000)
        expect(201, await submitted)
    for task in polling:
        task.cancel()
    return {"ms": took}


async def claims(
    *,
    ports: Mapping[str, int],
    key: str,
    claimers: Mapping[str, object],
    rounds: int,
    in_a_row: int,
) -> Counted:
    """How long each claim takes, in milliseconds, by server: each of them some times a round."""
    callers = {name: await call(port) for name, port in ports.items()}
    took: dict[str, list[float]] = {name: [] for name in ports}
    for round_number in range(rounds + 1):
        for name, caller in callers.items():
            request = post("/api/claim", claimers[name], key)
            times = await claims_in_a_row(caller, request, in_a_row)
            if round_number:  # the first fills caches
                took[name] += times
    return {"ms": took}


async def claims_in_a_row(caller: Caller, request: bytes, count: int) -> Sequence[float]:
    took = []
    for _ in range(count):
        began = time.perf_counter()
        answer = await caller.ask(request)
        took.append((time.perf_counter() - began) * 1000)
        expect(200, answer)
    return took


def instance_named(number: int) -> str:
    return f"bench-{number:02}"


def held(answer: Answer) -> dict[str, int]:
    """Number and attempt of the task that was claimed, cut out of the answer without parsing it."""
    expect(200, answer)
    return {name: _number_after(f'"{name}":'.encode(), answer.body) for name in ("id", "attempt")}


def _number_after(name: bytes, body: bytes) -> int:
    start = body.index(name) + len(name)
    return int(body[start : body.index(b",", start)])


def expect(status: int, answer: Answer) -> None:
    if answer.status != status:
        raise RuntimeError(f"{answer.status} instead of {status}: {answer.body.decode()}")


KINDS: Final[Mapping[str, Callable[..., Coroutine[Any, Any, Counted]]]] = {
    kind.__name__: kind for kind in (posts, cycles, chain, wakeups, claims)
}

if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    print(json.dumps(uvloop.run(KINDS[options.pop("kind")](**options))))
