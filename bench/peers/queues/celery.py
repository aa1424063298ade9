"""Celery on Redis."""

from __future__ import annotations

import os
from collections.abc import Callable

from celery import Celery

from bench.peers import job
from bench.peers.contract import Backend, Peer

PEER = Peer(
    title="Celery, Redis",
    packages=("celery", "kombu", "redis"),
    backend=Backend.REDIS,
    processes=1,
    slots=8,
    workers="prefork, 8 processes",
    settings="acks_late, no results",
    returns="after visibility_timeout (stock 1 h), looked for each 100 s",
    differs=(
        "It is woken by a blocked read of Redis, which holds all tasks in memory: taking one "
        "is a single command, where Athena commits task and claim, with their events, before "
        "the worker has it."
    ),
)

app = Celery("bench", broker=os.environ.get("BENCH_URL"))
app.conf.task_acks_late = True
app.conf.broker_transport_options = {"visibility_timeout": job.lease_seconds(3600)}


@app.task  # type: ignore[untyped-decorator]
def run(number: int) -> None:
    job.run(number)


def connect() -> Callable[[int], object]:
    send: Callable[[int], object] = run.delay
    return send


def work() -> None:
    app.worker_main(["worker", f"--concurrency={PEER.slots}", "--loglevel=WARNING"])
