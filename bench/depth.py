"""How the time of a claim grows with the queue, its history, and what stands in front.

Every claim is timed two ways: the call to the service in one process, with the durable commit; and
a request over HTTP. All databases of an engine are asked in turn, some claims each, so that
whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import asyncio
import functools
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from athena.model.event import SYSTEM
from athena.model.instance import Asker
from athena.service.claims import Claims
from athena.store.base import Store
from bench.engines import Database, Engine, databases, serving
from bench.processes import load
from bench.report import Options, Plot, Report, Table, percentile, steps
from bench.seeding import KINDS, Filling, add_done, add_ineligible, add_ready

_IN_A_ROW: Final = 20
_FEW: Final = 1_000
_PROJECT: Final = "mine"


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
    def is_plain(self) -> bool:
        """Whether it tells of the queue's depth alone."""
        return not self.done and not self.ineligible

    @property
    def projects(self) -> tuple[str, ...] | None:
        """Which projects the claimer names."""
        return (_PROJECT,) if self.name == "other project" else None


@dataclass(slots=True)
class Took:
    """Milliseconds of each claim, by the way it went."""

    call: list[float] = field(default_factory=list)
    http: list[float] = field(default_factory=list)


def measure(options: Options) -> Report:
    report, by_engine = Report(), {}
    for engine in Engine:
        cases = _cases(engine, options)
        took = _measure(engine, cases, rounds=5 if options.quick else 20)
        report.tables.append(_table(engine, cases, took))
        report.figures |= _figures(engine, cases, took)
        by_engine[engine] = (cases, took)
    report.plots["depth.svg"] = _plot(by_engine)
    return report


def _cases(engine: Engine, options: Options) -> Sequence[Case]:
    some, many = (10_000, 100_000) if options.quick else (100_000, 1_000_000)
    depths = [_FEW * 10**power for power in range(4) if _FEW * 10**power <= many]
    cases = [Case(f"{count:,} ready", count) for count in depths]
    cases.append(Case(f"{_FEW:,} ready, {many:,} done", _FEW, done=many))
    # Both engines find a claim by the same statement; the conformance suite pins its plans.
    if engine is Engine.SQLITE:
        cases += [Case(kind, _FEW, ineligible=some) for kind in KINDS]
    return cases


def _measure(engine: Engine, cases: Sequence[Case], rounds: int) -> Mapping[str, Took]:
    took = {case.name: Took() for case in cases}
    by_name = {case.name: case for case in cases}
    with databases(engine) as new_database:
        found = {}
        for name in steps(f"depth, filling {engine}", list(by_name)):
            found[name] = new_database()
            with found[name].fill() as filling:
                _fill(filling, by_name[name], (rounds + 1) * _IN_A_ROW)
        asyncio.run(_claim_in_process(found, cases, took, rounds))
        _claim_over_http(found, cases, took, rounds)
    return took


def _fill(filling: Filling, case: Case, claims: int) -> None:
    if case.done:
        add_done(filling, case.done)
    if case.kind is not None:
        add_ineligible(filling, case.kind, case.ineligible)
    # Claimed once in process and once over HTTP: there must be enough for both.
    add_ready(filling, max(case.ready, 2 * claims), project=_PROJECT if case.projects else "")


async def _claim_in_process(
    found: Mapping[str, Database], cases: Sequence[Case], took: Mapping[str, Took], rounds: int
) -> None:
    async with AsyncExitStack() as stack:
        stores = {
            case.name: await stack.enter_async_context(found[case.name].open()) for case in cases
        }
        for number in range(rounds + 1):
            for case in cases:
                times = await _claims(stores[case.name], case)
                if number:  # the first round fills caches
                    took[case.name].call += times


async def _claims(store: Store, case: Case) -> list[float]:
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
    found: Mapping[str, Database], cases: Sequence[Case], took: Mapping[str, Took], rounds: int
) -> None:
    claimers = {
        case.name: {"instance": "bench", "projects": list(case.projects or ())} for case in cases
    }
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(serving(found[name])).ports[0]
            for name in steps("depth, servers", [case.name for case in cases])
        }
        counted = load("claims", ports=ports, claimers=claimers, rounds=rounds, in_a_row=_IN_A_ROW)
    for name, times in counted["ms"].items():
        took[name].http += times


def _table(engine: Engine, cases: Sequence[Case], took: Mapping[str, Took]) -> Table:
    base = took[cases[0].name]
    table = Table(
        f"Time of a claim by what stands in the queue, {engine}",
        ("queue", *(f"{way} {what}" for way in _WAYS for what in ("p50 ms", "p99 ms", "growth"))),
        goal="p50 grows less than 2 times, whatever the queue",
        notes=[
            "Call: the service in one process, with the durable commit. HTTP: a request, one at a"
        ],
    )
    table.notes.append("time. Growth: p50 beside that of the first row.")
    if cases[-1].ineligible:
        table.notes += [
            "Rows with a reason: 1,000 that can be claimed",
            f"behind {cases[-1].ineligible:,} urgent tasks that it holds back.",
        ]
    for case in cases:
        cells = [case.name]
        for way in _WAYS:
            times = _of(took[case.name], way)
            p50, growth = statistics.median(times), _growth(times, _of(base, way))
            cells += [f"{p50:.3f}", f"{percentile(times, 0.99):.3f}", f"{growth:.2f}"]
        table.rows.append(cells)
    return table


def _figures(
    engine: Engine, cases: Sequence[Case], took: Mapping[str, Took]
) -> Mapping[str, float]:
    base = took[cases[0].name]
    return {
        _slug(f"{engine} claim {way} growth {case.name}"): _growth(
            _of(took[case.name], way), _of(base, way)
        )
        for case in cases
        for way in _WAYS
    }


def _plot(by_engine: Mapping[Engine, tuple[Sequence[Case], Mapping[str, Took]]]) -> Plot:
    series = []
    for engine, (cases, took) in by_engine.items():
        plain = [case for case in cases if case.is_plain]
        times = [took[case.name].http for case in plain]
        series.append(
            {
                "title": f"{engine}, p50 to p99",
                "x": [case.ready for case in plain],
                "y": [statistics.median(each) for each in times],
                "low": [statistics.median(each) for each in times],
                "high": [percentile(each, 0.99) for each in times],
            }
        )
    labels = {"x_label": "tasks ready in the queue", "y_label": "one claim over HTTP, ms"}
    ticks = {"x_ticks": series[0]["x"], "log_y": False}
    title = "Time of a claim over HTTP by the depth of the queue"
    return Plot("lines", title, {"series": series, **labels, **ticks})


_WAYS: Final = ("call", "HTTP")


def _of(took: Took, way: str) -> list[float]:
    return took.call if way == "call" else took.http


def _growth(times: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(times) / statistics.median(base)


def _slug(name: str) -> str:
    return name.lower().replace(",", "").replace(" ", "_")
