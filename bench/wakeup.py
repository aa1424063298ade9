"""How soon an idle worker has a task that was just submitted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from bench.processes import athena, load
from bench.report import Options, Report, Table, percentile, steps

_POLLERS: Final = 16


def measure(options: Options) -> Report:
    rounds, tasks = (2, 50) if options.quick else (5, 200)
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder, athena(Path(folder)) as server:
        for _ in steps("wakeup", [f"round {number + 1}" for number in range(rounds)]):
            took += load("wakeups", port=server.port, pollers=_POLLERS, rounds=tasks)["ms"]
    p50, p99 = percentile(took, 0.50), percentile(took, 0.99)
    table = Table(
        f"Wake-up of a long poll, {_POLLERS} idle pollers, {len(took)} tasks",
        ("what", "p50 ms", "p99 ms", "max ms"),
        [("submit to worker holds the task", f"{p50:.2f}", f"{p99:.2f}", f"{max(took):.2f}")],
        goal="p50 at most 5 ms",
        notes=["Two durable commits included: the submission and the claim."],
    )
    return Report([table], {"wakeup_p50_ms": p50, "wakeup_p99_ms": p99})
