"""How many tasks a second so many clients can claim and complete, on each engine."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import Any, Final

from bench.engines import Engine, Served, databases, serving
from bench.processes import load
from bench.report import Options, Plot, Report, Table, middle, steps
from bench.seeding import add_ready

_CLIENTS: Final = (1, 8, 64, 256)
_SERVERS: Final = {
    "SQLite": (Engine.SQLITE, 1),
    "PostgreSQL": (Engine.POSTGRES, 1),
    "PostgreSQL, 3 replicas": (Engine.POSTGRES, 3),
}
# More than can be claimed on any machine of today.
_TASKS_PER_SECOND: Final = 8_000

Rounds = dict[tuple[str, int], list[dict[str, Any]]]


def measure(options: Options) -> Report:
    rounds, seconds = (2, 1.0) if options.quick else (3, 2.0)
    found: Rounds = {(name, clients): [] for name in _SERVERS for clients in _CLIENTS}
    with ExitStack() as stack:
        served = {
            name: _serve(stack, name, tasks=int(rounds * len(_CLIENTS) * seconds))
            for name in steps("clients, filling", list(_SERVERS))
        }
        for number in range(rounds):
            for clients in _CLIENTS:
                title = f"clients, {clients} at once, round {number + 1} of {rounds}"
                for name in steps(title, list(_SERVERS)):
                    ports = served[name].ports
                    counted = load("cycles", ports=ports, clients=clients, seconds=seconds)
                    found[name, clients].append(counted)
    return _report(found)


def _serve(stack: ExitStack, name: str, tasks: int) -> Served:
    engine, replicas = _SERVERS[name]
    database = stack.enter_context(databases(engine))()
    with database.fill() as filling:
        add_ready(filling, tasks * _TASKS_PER_SECOND)
    return stack.enter_context(serving(database, replicas))


def _report(found: Rounds) -> Report:
    table = Table(
        "Claim and complete over HTTP, cycles a second, by the number of clients",
        ("server", *(f"{clients} at once" for clients in _CLIENTS), "p50 / p99 ms at 256"),
        notes=["Medians (ranges) of interleaved rounds; clients take the replicas in turn."],
    )
    report = Report([table])
    for name in _SERVERS:
        rates = [_rates(found, name, clients) for clients in _CLIENTS]
        p50, p99 = (
            statistics.median(round_[part] for round_ in found[name, _CLIENTS[-1]])
            for part in ("p50_ms", "p99_ms")
        )
        table.rows.append((name, *(middle(each) for each in rates), f"{p50:.0f} / {p99:.0f}"))
        for clients, each in zip(_CLIENTS, rates, strict=True):
            slug = name.lower().replace(", ", "_").replace(" ", "_")
            report.figures[f"cycles_{slug}_{clients}_clients"] = statistics.median(each)
    report.plots["clients.svg"] = _plot(found)
    return report


def _plot(found: Rounds) -> Plot:
    series = []
    for name in _SERVERS:
        rates = [_rates(found, name, clients) for clients in _CLIENTS]
        series.append(
            {
                "title": name,
                "x": _CLIENTS,
                "y": [statistics.median(each) for each in rates],
                "low": [min(each) for each in rates],
                "high": [max(each) for each in rates],
            }
        )
    labels = {"x_label": "clients at once", "y_label": "claim + complete, per second"}
    ticks = {"x_ticks": _CLIENTS, "log_y": False}
    title = "Claims and completions a second by the number of clients"
    return Plot("lines", title, {"series": series, **labels, **ticks})


def _rates(found: Rounds, name: str, clients: int) -> list[float]:
    return [round_["per_second"] for round_ in found[name, clients]]
