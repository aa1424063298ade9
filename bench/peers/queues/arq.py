"""arq on Redis."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

from bench.peers import job
from bench.peers.contract import Backend, Peer

_POLL_SECONDS = 0.05

PEER = Peer(
    title="arq",
    packages=("arq", "redis"),
    backend=Backend.REDIS,
    processes=1,
    slots=64,
    workers="1 process, max_jobs 64",
    settings="looks each 50 ms (stock 0.5 s)",
    returns="after job_timeout and 10 s, stock 310 s",
    differs=(
        "Redis holds all tasks in memory and logs each command. A task is its message and "
        "result: without history, or lists to ask for."
    ),
)


async def run(_: dict[Any, Any], number: int) -> None:
    await job.run_async(number)


def connect() -> Callable[[int], object]:
    runner = asyncio.Runner()
    pool = runner.run(create_pool(_settings()))
    return lambda number: runner.run(pool.enqueue_job("run", number))


def work() -> None:
    asyncio.run(_work())


async def _work() -> None:
    worker = Worker(
        functions=[run],
        redis_settings=_settings(),
        max_jobs=PEER.slots,
        poll_delay=_POLL_SECONDS,
        job_timeout=job.lease_seconds(300),
    )
    await worker.main()


def _settings() -> RedisSettings:
    return RedisSettings.from_dsn(os.environ["BENCH_URL"])
