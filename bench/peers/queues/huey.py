"""Huey on SQLite: a file and no server."""

from __future__ import annotations

import os

from huey import SqliteHuey

from bench.peers import job
from bench.peers.contract import Backend, Peer, Promise

_POLL_SECONDS = (0.01, 0.1)

PEER = Peer(
    title="Huey, SQLite",
    packages=("huey",),
    backend=Backend.FILE,
    processes=1,
    slots=8,
    workers="8 threads",
    settings="fsync=True, WAL; looks each 10 to 100 ms (stock 0.1 to 10 s)",
    returns="never: a job leaves the queue when it is taken",
    differs=(
        "Its threads write the SQLite file themselves, without a server between. A task is "
        "deleted when it is taken, one write for Athena's two."
    ),
    promise=Promise.NO_RETURN,
)

# Without a folder it is only asked what it is.
_FOLDER = os.environ.get("BENCH_FOLDER")
queue = SqliteHuey(filename=f"{_FOLDER}/huey.db" if _FOLDER else ":memory:", fsync=True)


@queue.task()  # type: ignore[untyped-decorator]
def run(number: int) -> None:
    job.run(number)


def connect() -> object:
    return run


def work() -> None:
    first, longest = _POLL_SECONDS
    consumer = queue.create_consumer(
        workers=PEER.slots, worker_type="thread", initial_delay=first, max_delay=longest
    )
    consumer.run()
