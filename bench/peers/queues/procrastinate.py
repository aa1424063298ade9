"""Procrastinate on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from procrastinate import App, JobContext, PsycopgConnector

from bench.peers import job
from bench.peers.contract import Backend, Peer

PEER = Peer(
    title="Procrastinate",
    packages=("procrastinate", "psycopg"),
    backend=Backend.POSTGRES,
    processes=1,
    slots=64,
    workers="1 process, concurrency 64",
    settings="LISTEN/NOTIFY, pool of 16 (stock 4)",
    returns="by a periodic task that one has to write, as its documents show; here it is written",
    differs=("PostgreSQL notifies its worker in the commit that stores the task."),
)

app = App(connector=PsycopgConnector(conninfo=os.environ.get("BENCH_URL", ""), max_size=16))


@app.task  # type: ignore[untyped-decorator]
async def run(number: int) -> None:
    await job.run_async(number)


@app.periodic(cron="* * * * * */5")  # type: ignore[untyped-decorator]
@app.task(queueing_lock="return_stalled", pass_context=True)  # type: ignore[untyped-decorator]
async def return_stalled(context: JobContext, timestamp: int) -> None:
    del timestamp
    manager = context.app.job_manager
    for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=job.lease_seconds(30)):
        await manager.retry_job(stalled)


def prepare() -> None:
    with app.open():
        app.schema_manager.apply_schema()


def connect() -> Callable[[int], object]:
    app.open()
    return lambda number: run.defer(number=number)


def work() -> None:
    asyncio.run(_work())


async def _work() -> None:
    async with app.open_async():
        await app.run_worker_async(
            concurrency=PEER.slots, update_heartbeat_interval=job.lease_seconds(30) / 3
        )
