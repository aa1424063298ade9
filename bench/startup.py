"""How long the start of every Claude Code session waits for `claude-task-client check`."""

from __future__ import annotations

import os
import statistics
import sys

from bench import check_startup
from bench.report import Options, Report, Table, percentile, steps

_NOTHING, _CHECK = "python -c pass", "claude-task-client check"


def measure(options: Options) -> Report:
    runs = 7 if options.quick else check_startup.RUNS
    table = Table(
        f"Start of check, one task pending, {runs} interleaved runs",
        ("command", "median ms", "p90 ms", "ratio"),
        goal="check at most 9 times python -c pass",
        notes=["More of it: python bench/check_startup.py"],
    )
    with check_startup.own_home() as home, check_startup.athena() as (url, key):
        check_startup.submit(url, key)
        environment = {
            **os.environ,
            "HOME": str(home),
            "ATHENA_API_URL": url,
            "ATHENA_API_KEY": key,
            "CLAUDE_INSTANCE": "bench",
        }
        cases = {
            _NOTHING: ([sys.executable, "-c", "pass"], environment),
            _CHECK: ([str(check_startup.SCRIPT), "check"], environment),
        }
        (took,) = [check_startup.measure(cases, runs) for _ in steps("check", ["runs"])]
    base = statistics.median(took[_NOTHING])
    for name, times in took.items():
        median = statistics.median(times)
        p90 = percentile(times, 0.90)
        table.rows.append((name, f"{median:.1f}", f"{p90:.1f}", f"{median / base:.2f}"))
    ratio = statistics.median(took[_CHECK]) / base
    return Report([table], {"check_per_python_start": ratio})
