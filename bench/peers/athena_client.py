"""Athena's two sides over HTTP, as its documents describe them: submit, and claim with `finish`."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import uvloop

from bench.peers import job
from bench.wire import call, post

WORKERS: Final = 64
RETURNS: Final = "after its lease, 1 s to 24 h as the claim says (stock 2 h)"
_WAIT_SECONDS: Final = 30
_STOCK_LEASE_SECONDS: Final = 7200


def connect() -> Callable[[int], object]:
    """One connection to each replica, in turn."""
    connections = itertools.cycle(
        [http.client.HTTPConnection(urlsplit(url).netloc) for url in _urls()]
    )
    headers = {**_headers(), "Content-Type": "application/json"}

    def submit(number: int) -> None:
        connection = next(connections)
        body = json.dumps({"description": str(number)})
        connection.request("POST", "/api/tasks", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 201:
            raise RuntimeError(f"{answer.status} instead of 201")

    return submit


def work() -> None:
    """Workers that spend next to nothing on HTTP: what is measured is the server."""
    uvloop.run(_together(_lean_exchange))


def work_with_aiohttp() -> None:
    """Workers that use what people use; it costs them as much as the server."""
    uvloop.run(_together(_usual_exchange))


# Sends the body of a claim; gives the status and the answer's body.
Exchange = Callable[[Mapping[str, Any]], Awaitable[tuple[int, bytes]]]


async def _together(exchange_with: Callable[[str], AbstractAsyncContextManager[Exchange]]) -> None:
    urls = itertools.cycle(_urls())
    async with asyncio.TaskGroup() as workers:
        for number in range(WORKERS):
            name = f"bench-{os.getpid()}-{number}"
            workers.create_task(_run_tasks(exchange_with(next(urls)), name))


async def _run_tasks(opened: AbstractAsyncContextManager[Exchange], instance: str) -> None:
    claim = {
        "instance": instance,
        "wait": _WAIT_SECONDS,
        "lease_seconds": job.lease_seconds(_STOCK_LEASE_SECONDS),
    }
    finish: Mapping[str, Any] = {}
    async with opened as exchange:
        while True:
            status, body = await exchange({**claim, **finish})
            finish = {}
            if status == 200:
                task = orjson.loads(body)
                await job.run_async(int(task["description"]))
                finish = {"finish": {"id": task["id"], "attempt": task["attempt"]}}
            elif status != 204:
                raise RuntimeError(f"{status}: {body.decode()}")


@asynccontextmanager
async def _lean_exchange(url: str) -> AsyncIterator[Exchange]:
    caller = await call(int(url.rpartition(":")[2]))

    async def exchange(body: Mapping[str, Any]) -> tuple[int, bytes]:
        answer = await caller.ask(post("/api/claim", body, os.environ["BENCH_KEY"]))
        return answer.status, answer.body

    yield exchange


@asynccontextmanager
async def _usual_exchange(url: str) -> AsyncIterator[Exchange]:
    async with aiohttp.ClientSession(url, headers=_headers()) as session:

        async def exchange(body: Mapping[str, Any]) -> tuple[int, bytes]:
            async with session.post("/api/claim", json=body) as answer:
                return answer.status, await answer.read()

        yield exchange


def _urls() -> list[str]:
    return os.environ["BENCH_URL"].split(",")


def _headers() -> Mapping[str, str]:
    return {"X-API-Key": os.environ["BENCH_KEY"]}
