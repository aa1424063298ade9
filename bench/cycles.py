"""How many tasks a second 64 clients can claim and complete, beside a bare aiohttp server."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from bench import bare as bare_server
from bench.processes import athena, bare, cpu_seconds, database_in, load
from bench.report import Options, Report, Table, middle, steps
from bench.seeding import add_ready, seeding

_CLIENTS: Final = 64
# More than can be claimed in all rounds on any machine of today.
_TASKS_PER_SECOND_MAX: Final = 20_000
# About 270 bytes of JSON, as a worker's report may have.
_BODY: Final = {
    "instance": "bench-01",
    "attempt": 1,
    "notes": "Deployed: the service answers on all three hosts; the old one was taken down.",
    "result": {"success": True, "duration_ms": 81_234, "num_turns": 14, "total_cost_usd": 0.4821},
    "session_id": "0d5f2f5e-8f58-4a53-9d3c-2f1d5a0c7be1",
}
_BARE, _USUAL, _CYCLES, _CHAIN = "bare", "usual", "cycles", "chain"

Rounds = dict[str, list[dict[str, Any]]]


def measure(options: Options) -> Report:
    rounds, seconds = (3, 2.0) if options.quick else (7, 4.0)
    with tempfile.TemporaryDirectory() as folder:
        with seeding(database_in(Path(folder))) as connection:
            add_ready(connection, int(2 * rounds * seconds * _TASKS_PER_SECOND_MAX))
        return _report(_interleaved(Path(folder), rounds, seconds))


def _interleaved(folder: Path, rounds: int, seconds: float) -> Rounds:
    found: Rounds = {_BARE: [], _USUAL: [], _CYCLES: [], _CHAIN: []}
    with athena(folder) as server, bare() as (bare_pid, bare_port):
        assert server.process is not None
        pid, common = server.process.pid, {"clients": _CLIENTS, "seconds": seconds}
        for _ in steps("cycles", [f"round {number + 1}" for number in range(rounds)]):
            posts = {"port": bare_port, "path": bare_server.PATH, "body": _BODY}
            found[_BARE].append(_with_cpu(bare_pid, "posts", **posts, **common))
            usual = {**posts, "path": bare_server.USUAL_PATH}
            found[_USUAL].append(_with_cpu(bare_pid, "posts", **usual, **common))
            for kind in (_CYCLES, _CHAIN):
                found[kind].append(_with_cpu(pid, kind, port=server.port, **common))
    return found


def _with_cpu(pid: int, kind: str, **options: object) -> dict[str, Any]:
    before = cpu_seconds(pid)
    counted = load(kind, **options)
    counted["cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / counted["done"]
    return counted


def _report(found: Rounds) -> Report:
    report = Report()
    titles = {
        _BARE: "bare JSON POST, orjson (requests)",
        _USUAL: "bare JSON POST, aiohttp's own JSON (requests)",
        _CYCLES: "claim, complete (cycles)",
        _CHAIN: "claim with finish (tasks)",
    }
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
        goal="claim, complete: at least 0.17 cycles per bare request",
        notes=[
            "Medians (ranges) of interleaved rounds; p50 and p99 are of single requests.",
            "Per bare CPU: as per bare request, by CPU time; it holds on a busy machine too.",
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
                titles[kind],
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
