"""PgQueuer on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from bench.peers import job
from bench.peers.contract import Backend, Peer

_BATCH = 32

PEER = Peer(
    title="PgQueuer",
    packages=("pgqueuer", "asyncpg"),
    backend=Backend.POSTGRES,
    processes=1,
    slots=2 * _BATCH,
    workers=f"1 process, batches of {_BATCH}, {2 * _BATCH} at once",
    settings="LISTEN/NOTIFY; ends jobs in batches",
    returns="after heartbeat_timeout at the next look (stock 30 s each)",
    differs=(
        "Its worker takes tasks by the batch and ends them by the batch, so that one "
        "statement and one commit serve dozens; what it has ended but not yet written is "
        "run again, should it die. Each of Athena's workers asks for one task over HTTP, and "
        "what was answered is on the disk."
    ),
)


def prepare() -> None:
    async def install() -> None:
        await Queries(await _driver()).install()

    asyncio.run(install())


def connect() -> Callable[[int], object]:
    runner = asyncio.Runner()
    queries = Queries(runner.run(_driver()))
    return lambda number: runner.run(queries.enqueue("run", str(number).encode()))


def work() -> None:
    asyncio.run(_work())


async def _work() -> None:
    queue = PgQueuer(await _driver())

    @queue.entrypoint("run")  # type: ignore[untyped-decorator]
    async def run(taken: Job) -> None:
        assert taken.payload is not None
        await job.run_async(int(taken.payload))

    await queue.run(
        batch_size=_BATCH,
        max_concurrent_tasks=PEER.slots,
        heartbeat_timeout=timedelta(seconds=job.lease_seconds(30)),
    )


async def _driver() -> AsyncpgDriver:
    return AsyncpgDriver(await asyncpg.connect(os.environ["BENCH_URL"]))
