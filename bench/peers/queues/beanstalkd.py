"""beanstalkd, through greenstalk: no Python but in its clients."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import greenstalk

from bench.peers import job
from bench.peers.contract import Backend, Peer

PEER = Peer(
    title="beanstalkd",
    packages=("greenstalk",),
    backend=Backend.BEANSTALKD,
    processes=8,
    slots=8,
    workers="8 processes, one connection each",
    settings="-b -f0: written and synced at each job (stock: memory only)",
    returns="at once, when its connection breaks; else after its ttr, stock 60 s",
    differs=(
        "A server in C holds all tasks in memory and appends to one log; its protocol is a "
        "few bytes a command. A task is its body and priority: without result, history, or "
        "lists to ask for."
    ),
)


def connect() -> Callable[[int], object]:
    client, ttr = _client(), job.lease_seconds(60)
    return lambda number: client.put(str(number), ttr=ttr)


def work() -> None:
    client = _client()
    while True:
        reserved = client.reserve()
        job.run(int(reserved.body))
        client.delete(reserved)


def _client() -> greenstalk.Client:
    address = urlsplit(os.environ["BENCH_URL"])
    return greenstalk.Client((address.hostname, address.port))
