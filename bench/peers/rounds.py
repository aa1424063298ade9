"""One round with one queue: put jobs in, have them run, and see how soon an idle worker starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import trees
from bench.peers import job
from bench.peers.contenders import Contender, Producer, Stage, staged
from bench.peers.servers import wait_until

PRODUCERS: Final = 4
_GATHER_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 0.05
_NANOSECONDS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Amount:
    """How many jobs one producer puts in, how many all together do after it, and how many meet
    idle workers; and how long the workers may take for the first two."""

    alone: int
    together: int
    wakeups: int
    seconds: float

    @property
    def jobs(self) -> int:
        return self.alone + self.together


@dataclass(frozen=True, slots=True)
class Round:
    """What one round has found. Rates are per second."""

    enqueued_alone: float
    enqueued_together: float
    run: float
    wakeup_ms: Sequence[float]
    server_cpu_us: float
    workers_cpu_us: float
    server_mb: float
    workers_mb: float
    unfinished: int
    twice: int


def measure(contender: Contender, amount: Amount, folder: Path) -> Round:
    with staged(contender, folder) as stage:
        producers = stage.start_producers(PRODUCERS)
        producers[0].do(number=job.GATE, count=contender.peer.slots)
        _enqueue(producers, amount)
        workers = _gather_workers(stage)
        pids = [worker.pid for worker in workers]
        before = trees.cpu_seconds(stage.server.pids), trees.cpu_seconds(pids)
        job.open_gate(folder)
        _wait_for_jobs(stage, amount)
        after = trees.cpu_seconds(stage.server.pids), trees.cpu_seconds(pids)
        ran = [record for record in job.records(folder, job.RUNS) if record[0] >= 0]
        server_mb, workers_mb = trees.memory_mb(stage.server.pids), trees.memory_mb(pids)
        numbers = [number for number, _ in ran]
        unfinished = amount.jobs - len(set(numbers))
        # With jobs left in front, nothing could be said of idle workers.
        wakeups = [] if unfinished else _wake_up(stage, producers[0], amount)
        return Round(
            enqueued_alone=_offered_rate(folder, range(amount.alone)),
            enqueued_together=_offered_rate(folder, range(amount.alone, amount.jobs)),
            run=_rate(len(ran), [at for _, at in ran]),
            wakeup_ms=wakeups,
            server_cpu_us=(after[0] - before[0]) * 1e6 / max(1, len(ran)),
            workers_cpu_us=(after[1] - before[1]) * 1e6 / max(1, len(ran)),
            server_mb=server_mb,
            workers_mb=workers_mb,
            unfinished=unfinished,
            twice=len(numbers) - len(set(numbers)),
        )


def _enqueue(producers: Sequence[Producer], amount: Amount) -> None:
    producers[0].do(first=0, count=amount.alone)
    share = amount.together // len(producers)
    for place, producer in enumerate(producers):
        producer.ask(first=amount.alone + place * share, count=share)
    for producer in producers:
        producer.expect("done")


def _gather_workers(stage: Stage) -> Sequence[trees.Process]:
    """Start them, and wait until each has a job in hand that waits for all the others."""
    workers = stage.start_workers()
    slots = stage.contender.peer.slots
    wait_until(lambda: stage.count(job.RUNS) >= slots, "not all workers have come", _GATHER_SECONDS)
    return workers


def _wait_for_jobs(stage: Stage, amount: Amount) -> None:
    expected = stage.contender.peer.slots + amount.jobs
    # Too late: the rate of those that were run tells, and how many were not is noted.
    with suppress(TimeoutError):
        wait_until(lambda: stage.count(job.RUNS) >= expected, "", amount.seconds)


def _wake_up(stage: Stage, producer: Producer, amount: Amount) -> Sequence[float]:
    producer.do(first=amount.jobs, count=amount.wakeups, settle=_SETTLE_SECONDS)
    offered = dict(job.records(stage.folder, job.OFFERED))
    ran = {number: at for number, at in job.records(stage.folder, job.RUNS) if number >= 0}
    numbers = range(amount.jobs, amount.jobs + amount.wakeups)
    return [(ran[n] - offered[n]) / 1e6 for n in numbers if n in ran]


def _offered_rate(folder: Path, numbers: range) -> float:
    offered = (at for number, at in job.records(folder, job.OFFERED) if number in numbers)
    accepted = (at for number, at in job.records(folder, job.ACCEPTED) if number in numbers)
    return _rate(len(numbers), [min(offered), max(accepted)])


def _rate(count: int, times: Iterable[int]) -> float:
    times = list(times)
    return count * _NANOSECONDS / max(1, max(times, default=1) - min(times, default=0))
