"""Dramatiq on Redis."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers import job
from bench.peers.contract import Backend, Peer

_PROCESSES, _THREADS = 2, 8

PEER = Peer(
    title="Dramatiq, Redis",
    packages=("dramatiq", "redis"),
    backend=Backend.REDIS,
    processes=1,
    slots=_PROCESSES * _THREADS,
    workers=f"{_PROCESSES} processes of {_THREADS} threads",
    settings="stock",
    returns="after heartbeat_timeout, stock 60 s, at the next upkeep (1 of 1,000 commands)",
    differs=(
        "Redis holds all tasks in memory and logs each command, and its workers fetch them by "
        "the batch. A task is its message alone: without state, history, or a way to ask for "
        "it."
    ),
)

broker = RedisBroker(
    url=os.environ.get("BENCH_URL", "redis://"), heartbeat_timeout=job.lease_seconds(60) * 1000
)
dramatiq.set_broker(broker)


@dramatiq.actor  # type: ignore[untyped-decorator]
def run(number: int) -> None:
    job.run(number)


def connect() -> Callable[[int], object]:
    send: Callable[[int], object] = run.send
    return send


def work() -> None:
    # Its command is the only way to have its processes.
    size = [f"--processes={_PROCESSES}", f"--threads={_THREADS}"]
    os.execv(sys.executable, [sys.executable, "-m", "dramatiq", __name__, *size])
