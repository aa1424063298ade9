"""RQ on Redis, with workers that run jobs in themselves."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from redis import Redis
from rq import Queue, Retry, SimpleWorker

from bench.peers import job
from bench.peers.contract import Backend, Peer

PEER = Peer(
    title="RQ",
    packages=("rq", "redis"),
    backend=Backend.REDIS,
    processes=8,
    slots=8,
    workers="8 SimpleWorkers (stock forks a process for each job)",
    settings="Retry(max=3)",
    returns="when its heartbeat has run out and an upkeep comes by, each 10 min",
    differs=(
        "It is woken by a blocked read of Redis, which holds all tasks in memory: taking one "
        "is a single command, where Athena commits task and claim, with their events, before "
        "the worker has it."
    ),
)


def connect() -> Callable[[int], object]:
    queue, retry = Queue(connection=_redis()), Retry(max=3)
    return lambda number: queue.enqueue(job.run, number, retry=retry)


def work() -> None:
    connection = _redis()
    worker = SimpleWorker([Queue(connection=connection)], connection=connection)
    worker.work(logging_level=logging.WARNING)


def _redis() -> Redis:
    return Redis.from_url(os.environ["BENCH_URL"])
