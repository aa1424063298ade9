"""One side of one queue, in a process of its own and in the peers' environment.

    python -m bench.peers.program NAME describe     what it is, as JSON
    python -m bench.peers.program NAME prepare      makes what a new server needs
    python -m bench.peers.program NAME work         runs jobs until it is killed
    python -m bench.peers.program NAME enqueue      puts jobs in, as lines on stdin say

Each line is JSON: `{"first": 0, "count": 500}` puts jobs in one after another, each accepted before
the next; with `"settle": 0.05` it waits until each has been run, and about so many seconds more.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.peers import job

_LOOK_SECONDS = 0.0005
_RUN_SECONDS_MAX = 15.0


def main(name: str, verb: str) -> None:
    queue = importlib.import_module(f"bench.peers.queues.{name}")
    match verb:
        case "describe":
            print(json.dumps(describe(queue)))
        case "prepare":
            queue.prepare()
        case "work":
            queue.work()
        case "enqueue":
            serve(queue.connect())


def describe(queue: Any) -> dict[str, object]:
    versions = {package: version(package) for package in queue.PEER.packages}
    return {**dataclasses.asdict(queue.PEER), "versions": versions}


def version(package: str) -> str:
    if package != "athena":
        return importlib.metadata.version(package)
    return str(importlib.import_module("athena").__version__)


def serve(enqueue: Callable[[int], object]) -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "settle" in asked:
            one_by_one(enqueue, asked["first"], asked["count"], asked["settle"])
        elif "number" in asked:
            repeat(enqueue, asked["number"], asked["count"])
        else:
            in_a_row(enqueue, range(asked["first"], asked["first"] + asked["count"]))
        print("done", flush=True)


def repeat(enqueue: Callable[[int], object], number: int, count: int) -> None:
    """Gates and the like, of which nothing is noted."""
    for _ in range(count):
        enqueue(number)


def in_a_row(enqueue: Callable[[int], object], numbers: range) -> None:
    for number in numbers:
        job.record(job.OFFERED, number)
        enqueue(number)
        job.record(job.ACCEPTED, number)


def one_by_one(enqueue: Callable[[int], object], first: int, count: int, settle: float) -> None:
    folder, uneven = job.folder(), random.Random(first)
    for number in range(first, first + count):
        # At an uneven time, so that a worker that polls is met at any point of its pause.
        time.sleep(settle * (0.5 + uneven.random()))
        before = job.count(folder, job.RUNS)
        in_a_row(enqueue, range(number, number + 1))
        deadline = time.monotonic() + _RUN_SECONDS_MAX
        while job.count(folder, job.RUNS) == before and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
