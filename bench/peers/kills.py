"""What kill -9 leaves: of a worker in the middle of a job, and of the server that accepted jobs.

These take seconds of waiting and little work, so they run beside each other; no rate is taken.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import trees
from bench.peers import job
from bench.peers.contenders import Contender, Stage, staged
from bench.peers.contract import Backend
from bench.peers.servers import wait_until

ACCEPTED: Final = 500
# Wherever one can choose how long a dead worker keeps its job; stock is far longer.
LEASE_SECONDS: Final = 10
_READY_SECONDS: Final = 5.0
_START_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 30.0
_AT_ONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Survival:
    """`back_after` in seconds, None: not within `patience`. `kept` of `accepted` jobs ran after
    the server came back; None: there is no server."""

    patience: float
    back_after: float | None
    accepted: int | None
    kept: int | None


def measure_all(
    contenders: list[Contender], folder: Path, patience: float
) -> dict[str, Survival | Exception]:
    """`patience`: how many seconds a dead worker's job is waited for."""

    def survival(contender: Contender) -> Survival | Exception:
        try:
            return measure(contender, folder / contender.name, patience)
        except Exception as error:  # noqa: BLE001  (others are still to be measured)
            return error

    with ThreadPoolExecutor(_AT_ONCE) as executor:
        found = list(executor.map(survival, contenders))
    return {contender.name: told for contender, told in zip(contenders, found, strict=True)}


def measure(contender: Contender, folder: Path, patience: float) -> Survival:
    back_after = _kill_worker(contender, folder / "worker", patience)
    if contender.peer.backend is Backend.FILE:
        return Survival(patience, back_after, None, None)
    return Survival(patience, back_after, *_kill_server(contender, folder / "server"))


def _kill_worker(contender: Contender, folder: Path, patience: float) -> float | None:
    with staged(contender, folder, {"BENCH_LEASE": str(LEASE_SECONDS)}) as stage:
        (producer,) = stage.start_producers(1)
        victims = stage.start_workers()
        producer.do(number=job.HANGING, count=1)
        wait_until(lambda: stage.count(job.RUNS) == 1, "no worker has come", _START_SECONDS)
        stage.start_workers()
        # There is nothing to tell by that an idle worker is ready, whatever the queue.
        time.sleep(_READY_SECONDS)
        trees.kill(victims)
        killed_at = time.monotonic_ns()
        job.say_worker_is_dead(folder)
        with suppress(TimeoutError):
            wait_until(lambda: stage.count(job.RUNS) > 1, "", patience)
        times = [at for _, at in job.records(folder, job.RUNS)]
        return (times[1] - killed_at) / 1e9 if len(times) > 1 else None


def _kill_server(contender: Contender, folder: Path) -> tuple[int, int]:
    with staged(contender, folder) as stage:
        (producer,) = stage.start_producers(1)
        # More than it will come to: it is killed while it still accepts.
        producer.ask(first=0, count=1_000 * ACCEPTED)
        wait_until(lambda: stage.count(job.ACCEPTED) >= ACCEPTED, "accepts too few", _START_SECONDS)
        stage.server.kill()
        trees.kill([producer.process])
        stage.server.start()
        stage.start_workers()
        accepted = {number for number, _ in job.records(folder, job.ACCEPTED)}
        with suppress(TimeoutError):
            wait_until(lambda: accepted <= _ran(stage), "", _RUN_SECONDS)
        return len(accepted), len(accepted & _ran(stage))


def _ran(stage: Stage) -> set[int]:
    return {number for number, _ in job.records(stage.folder, job.RUNS)}
