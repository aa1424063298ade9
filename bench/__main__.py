"""Measures Athena and prints tables; judges nothing.

    python -m bench                     everything, some minutes
    python -m bench cycles wakeup       some of it
    python -m bench --quick             less of everything, about a minute; figures are rougher
    python -m bench --json bench.json   the figures into a file as well

The machine should have nothing else to do. Rates depend on it: what can be compared between
machines are ratios and CPU times (docs/performance.md).
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from athena import __version__
from bench import cycles, depth, memory, startup, wakeup
from bench.report import Options, Report

BENCHMARKS: Final[Mapping[str, Callable[[Options], Report]]] = {
    "cycles": cycles.measure,
    "wakeup": wakeup.measure,
    "depth": depth.measure,
    "memory": memory.measure,
    "check": startup.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "benchmarks", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="measure less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    given = parser.parse_args()
    unknown = set(given.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    figures: dict[str, object] = dict(machine())
    print(f"Athena {__version__}; {', '.join(f'{k} {v}' for k, v in machine().items())}\n")
    for name in given.benchmarks or BENCHMARKS:
        began = time.perf_counter()
        report = BENCHMARKS[name](Options(quick=given.quick))
        print(*report.tables, sep="\n", flush=True)
        print(f"{name} took {time.perf_counter() - began:.0f} s\n", file=sys.stderr)
        figures |= report.figures
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def machine() -> Mapping[str, str]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
    }


if __name__ == "__main__":
    main()
