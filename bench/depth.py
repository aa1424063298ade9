"""How the time of a claim grows with the queue, its history, and what stands in front.

Every claim is timed three ways: its own work inside the transaction; the whole call to the service
in one process, with the durable commit; and a request over HTTP. All stores are asked in turn,
some claims each, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import asyncio
import functools
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from athena.clock import SystemClock
from athena.model.event import SYSTEM
from athena.model.instance import Asker
from athena.service.claims import Claims
from athena.store.base import Transaction, UseCase
from athena.store.sqlite import SQLiteStore
from bench.processes import athena, database_in, load
from bench.report import Options, Report, Table, percentile, steps
from bench.seeding import KINDS, add_done, add_ineligible, add_ready, seeding

T = TypeVar("T")

_IN_A_ROW: Final = 20
_FEW: Final = 1_000
_PROJECT: Final = "mine"
_WAYS: Final = ("work", "call", "http")


@dataclass(frozen=True, slots=True)
class Case:
    """What stands in a store: `ready` tasks, behind `done` ones and ineligible ones of a kind."""

    name: str
    ready: int
    done: int = 0
    ineligible: int = 0

    @property
    def kind(self) -> str | None:
        return self.name if self.ineligible else None

    @property
    def projects(self) -> tuple[str, ...] | None:
        """Which projects the claimer names."""
        return (_PROJECT,) if self.name == "other project" else None


@dataclass(slots=True)
class Took:
    """Milliseconds of each claim, by the way it went."""

    work: list[float] = field(default_factory=list)
    call: list[float] = field(default_factory=list)
    http: list[float] = field(default_factory=list)


class TimedStore(SQLiteStore):
    """The real store, which notes how long each use case works, without waiting and commit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SystemClock())
        self.work_ms: list[float] = []

    async def run(self, use_case: UseCase[T]) -> T:
        async def timed(tx: Transaction) -> T:
            began = time.perf_counter()
            done = await use_case(tx)
            self.work_ms.append((time.perf_counter() - began) * 1000)
            return done

        return await super().run(timed)


def measure(options: Options) -> Report:
    cases, rounds = _cases(options.quick), 5 if options.quick else 20
    with tempfile.TemporaryDirectory() as folder:
        folders = {case.name: Path(folder) / str(number) for number, case in enumerate(cases)}
        by_name = {case.name: case for case in cases}
        for name in steps("depth, seeding", list(by_name)):
            _seed(folders[name], by_name[name])
        took = {case.name: Took() for case in cases}
        asyncio.run(_claim_in_process(folders, cases, took, rounds))
        for case in cases:
            with seeding(database_in(folders[case.name])) as connection:
                _add_claimable(connection, case, (rounds + 1) * _IN_A_ROW)
        _claim_over_http(folders, cases, took, rounds)
    return _report(cases, took)


def _cases(quick: bool) -> Sequence[Case]:  # noqa: FBT001  (an option as it was given)
    some, many = (10_000, 100_000) if quick else (100_000, 1_000_000)
    return [
        Case(f"{_FEW:,} ready", _FEW),
        Case(f"{some:,} ready", some),
        Case(f"{many:,} ready", many),
        Case(f"{_FEW:,} ready, {many:,} done", _FEW, done=many),
        *(Case(kind, _FEW, ineligible=some) for kind in KINDS),
    ]


def _seed(folder: Path, case: Case) -> None:
    with seeding(database_in(folder)) as connection:
        if case.done:
            add_done(connection, case.done)
        if case.kind is not None:
            add_ineligible(connection, case.kind, case.ineligible)
        _add_claimable(connection, case, case.ready)


def _add_claimable(connection: Any, case: Case, count: int) -> None:
    add_ready(connection, count, project=_PROJECT if case.projects else "")


async def _claim_in_process(
    folders: Mapping[str, Path], cases: Sequence[Case], took: Mapping[str, Took], rounds: int
) -> None:
    async with AsyncExitStack() as stack:
        stores = {}
        for case in cases:
            store = TimedStore(database_in(folders[case.name]))
            stores[case.name] = await stack.enter_async_context(store)
        for number in range(rounds + 1):
            for case in cases:
                store = stores[case.name]
                store.work_ms.clear()
                times = await _claims(store, case)
                if number:  # the first round fills caches
                    took[case.name].call += times
                    took[case.name].work += store.work_ms


async def _claims(store: TimedStore, case: Case) -> list[float]:
    claims = Claims(store, lease=timedelta(hours=2))
    asker = Asker(instance="bench", projects=case.projects)
    claim = functools.partial(claims.claim_next, asker, lease=None, by=SYSTEM)
    took = []
    for _ in range(_IN_A_ROW):
        began = time.perf_counter()
        task = await claim()
        took.append((time.perf_counter() - began) * 1000)
        assert task is not None
    return took


def _claim_over_http(
    folders: Mapping[str, Path], cases: Sequence[Case], took: Mapping[str, Took], rounds: int
) -> None:
    claimers = {
        case.name: {"instance": "bench", "projects": list(case.projects or ())} for case in cases
    }
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(athena(folders[name])).port
            for name in steps("depth, servers", [case.name for case in cases])
        }
        found = load("claims", ports=ports, claimers=claimers, rounds=rounds, in_a_row=_IN_A_ROW)
    for name, times in found["ms"].items():
        took[name].http += times


def _report(cases: Sequence[Case], took: Mapping[str, Took]) -> Report:
    base = took[cases[0].name]
    table = Table(
        "Time of a claim by what stands in the queue, ms",
        ("queue", *(f"{way} {what}" for way in _WAYS for what in ("p50", "p99", "growth"))),
        goal="p50 grows less than 2 times, whatever the queue",
        notes=[
            "work: inside the transaction; call: the service in one process, durable; http: a",
            "request, one at a time. Growth: p50 beside that of the first row.",
            f"Rows with a reason: behind {cases[-1].ineligible:,} urgent tasks that it holds back.",
        ],
    )
    report = Report([table])
    for case in cases:
        cells = [case.name]
        for way in _WAYS:
            times = getattr(took[case.name], way)
            p50, growth = statistics.median(times), _growth(times, getattr(base, way))
            cells += [f"{p50:.3f}", f"{percentile(times, 0.99):.3f}", f"{growth:.2f}"]
            report.figures[f"claim_{way}_growth_{_slug(case.name)}"] = growth
        table.rows.append(cells)
    return report


def _growth(times: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(times) / statistics.median(base)


def _slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "_")
