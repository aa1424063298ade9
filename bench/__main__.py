"""Measures Athena and prints tables; judges nothing.

    python -m bench                     everything but the peers, some minutes
    python -m bench cycles wakeup       some of it
    python -m bench peers               Athena beside other queues (make bench-peers)
    python -m bench peers celery rq     beside some of them
    python -m bench --quick             less of everything, about a minute; figures are rougher
    python -m bench --json bench.json   the figures into a file as well
    python -m bench peers clients --docs    tables and plots into docs/performance-peers.md

The machine should have nothing else to do. Rates depend on it: what can be compared between
machines are ratios and CPU times (docs/performance.md).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from athena import __version__
from bench import clients, cycles, depth, mcp, memory, pages, startup, wakeup, worker
from bench.machine import machine
from bench.peers import comparison
from bench.peers.contenders import NAMES
from bench.report import Options, Report

BENCHMARKS: Final[Mapping[str, Callable[[Options], Report]]] = {
    "cycles": cycles.measure,
    "wakeup": wakeup.measure,
    "depth": depth.measure,
    "clients": clients.measure,
    "memory": memory.measure,
    "check": startup.measure,
    "worker": worker.measure,
    "mcp": mcp.measure,
    "peers": comparison.measure,
}
# Measured only when it is named: it needs what `make bench-peers` installs.
_ON_DEMAND: Final = frozenset({"peers"})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    known = f"{', '.join(BENCHMARKS)}; of the peers: {', '.join(NAMES)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {known}")
    parser.add_argument("--quick", action="store_true", help="measure less of everything")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument(
        "--docs", action="store_true", help=f"write docs/{pages.PAGE.name} and its plots too"
    )
    given = parser.parse_args()
    unknown = set(given.names) - {*BENCHMARKS, *NAMES}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; known: {known}")
    peers = tuple(name for name in NAMES if name in given.names)
    chosen = [name for name in BENCHMARKS if name in given.names]
    if peers and "peers" not in chosen:
        parser.error(f"{', '.join(peers)}: of the peers, so `peers` is missing")
    _measure(
        chosen or [name for name in BENCHMARKS if name not in _ON_DEMAND],
        Options(quick=given.quick, peers=peers),
        json_file=given.json,
        into_docs=given.docs,
    )


def _measure(
    names: Sequence[str], options: Options, *, json_file: Path | None, into_docs: bool
) -> None:
    found_on = machine()
    print(f"Athena {__version__}; {', '.join(f'{k} {v}' for k, v in found_on.items())}\n")
    figures: dict[str, object] = dict(found_on)
    for name in names:
        began = time.perf_counter()
        report = BENCHMARKS[name](options)
        print(report, flush=True)
        print(f"{name} took {time.perf_counter() - began:.0f} s\n", file=sys.stderr)
        figures |= report.figures
        if into_docs and name in pages.SECTIONS:
            pages.write(name, report, found_on)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
