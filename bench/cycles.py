"""How many tasks a second 64 clients can claim and complete, beside a bare aiohttp server."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

from bench import bare as bare_server
from bench.engines import Engine, Served, databases, serving
from bench.processes import bare, load
from bench.report import Options, Report, Table, middle, steps
from bench.seeding import add_ready
from bench.trees import cpu_seconds

_CLIENTS: Final = 64
# More than can be claimed on any machine of today.
_TASKS_PER_SECOND: Final = 10_000
# About 270 bytes of JSON, as a worker's report may have.
_BODY: Final = {
    "instance": "bench-01",
    "attempt": 1,
    "notes": "Deployed: the service answers on all three hosts; the old one was taken down.",
    "result": {"success": True, "duration_ms": 81_234, "num_turns": 14, "total_cost_usd": 0.4821},
    "session_id": "0d5f2f5e-8f58-4a53-9d3c-2f1d5a0c7be1",
}
_BARE, _USUAL = "bare", "usual"
# What is measured: title, engine, replicas, kind of load. The names are those of the figures.
_SERVED: Final = {
    "cycles": ("claim, complete (cycles)", Engine.SQLITE, 1, "cycles"),
    "chain": ("claim with finish (tasks)", Engine.SQLITE, 1, "chain"),
    "postgres": ("claim, complete, PostgreSQL", Engine.POSTGRES, 1, "cycles"),
    "replicas": ("claim, complete, PostgreSQL, 3 replicas", Engine.POSTGRES, 3, "cycles"),
}
_TITLES: Final = {
    _BARE: "bare JSON POST, orjson (requests)",
    _USUAL: "bare JSON POST, aiohttp's own JSON (requests)",
    **{name: title for name, (title, *_) in _SERVED.items()},
}

Rounds = dict[str, list[dict[str, Any]]]


def measure(options: Options) -> Report:
    rounds, seconds = (3, 2.0) if options.quick else (7, 4.0)
    with ExitStack() as stack:
        served = {
            name: _serve(stack, engine, replicas, tasks=int(rounds * seconds) * _TASKS_PER_SECOND)
            for name, (_, engine, replicas, _) in _SERVED.items()
        }
        return _report(_interleaved(served, rounds, seconds))


def _serve(stack: ExitStack, engine: Engine, replicas: int, *, tasks: int) -> Served:
    database = stack.enter_context(databases(engine))()
    with database.fill() as filling:
        add_ready(filling, tasks)
    return stack.enter_context(serving(database, replicas))


def _interleaved(served: Mapping[str, Served], rounds: int, seconds: float) -> Rounds:
    found: Rounds = {name: [] for name in _TITLES}
    common = {"clients": _CLIENTS, "seconds": seconds}
    with bare() as (bare_pid, bare_port):
        for _ in steps("cycles", [f"round {number + 1}" for number in range(rounds)]):
            for name, path in ((_BARE, bare_server.PATH), (_USUAL, bare_server.USUAL_PATH)):
                posts = {"ports": [bare_port], "path": path, "body": _BODY}
                found[name].append(_with_cpu([bare_pid], "posts", **posts, **common))
            for name, (_, _, _, kind) in _SERVED.items():
                ports = served[name].ports
                found[name].append(_with_cpu(served[name].pids, kind, ports=ports, **common))
    return found


def _with_cpu(pids: Sequence[int], kind: str, **options: object) -> dict[str, Any]:
    before = cpu_seconds(pids)
    counted = load(kind, **options)
    counted["cpu_us"] = (cpu_seconds(pids) - before) * 1e6 / counted["done"]
    return counted


def _report(found: Rounds) -> Report:
    report = Report()
    table = Table(
        f"Cycles over HTTP, {_CLIENTS} clients",
        (
            "what",
            "per second",
            "per bare request",
            "per usual one",
            "server CPU µs",
            "per bare CPU",
            "p50 ms",
            "p99 ms",
            "load CPU",
        ),
        goal="claim, complete per usual request: at least 0.23 on SQLite, 0.15 on PostgreSQL",
        notes=[
            "Medians (ranges) of interleaved rounds; p50 and p99 are of single requests.",
            "Per bare CPU: as per bare request, by CPU time; it holds on a busy machine too.",
            "Server CPU: of all its processes, with the database's.",
            "Load CPU: what of a core the generator used; near 100 % it would be what is measured.",
        ],
    )
    for kind, rounds in found.items():
        # Round by round, so that what else the machine did in it meets both sides.
        ratios = [
            round_["per_second"] / beside["per_second"]
            for round_, beside in zip(rounds, found[_BARE], strict=True)
        ]
        usual_ratios = [
            round_["per_second"] / beside["per_second"]
            for round_, beside in zip(rounds, found[_USUAL], strict=True)
        ]
        cpu_ratios = [
            beside["cpu_us"] / round_["cpu_us"]
            for round_, beside in zip(rounds, found[_BARE], strict=True)
        ]
        table.rows.append(
            (
                _TITLES[kind],
                middle(_of(rounds, "per_second")),
                middle(ratios, 3),
                middle(usual_ratios, 3),
                middle(_of(rounds, "cpu_us")),
                middle(cpu_ratios, 3),
                middle(_of(rounds, "p50_ms"), 1),
                middle(_of(rounds, "p99_ms"), 1),
                f"{statistics.median(_of(rounds, 'cpu_share')):.0%}",
            )
        )
        report.figures[f"{kind}_per_second"] = statistics.median(_of(rounds, "per_second"))
        report.figures[f"{kind}_per_bare_request"] = statistics.median(ratios)
        report.figures[f"{kind}_per_usual_request"] = statistics.median(usual_ratios)
        report.figures[f"{kind}_per_bare_cpu"] = statistics.median(cpu_ratios)
        report.figures[f"{kind}_server_cpu_us"] = statistics.median(_of(rounds, "cpu_us"))
    report.tables.append(table)
    return report


def _of(rounds: list[dict[str, Any]], name: str) -> list[float]:
    return [round_[name] for round_ in rounds]
