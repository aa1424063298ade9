"""Athena beside the queues that people would pick instead: the same work, on one machine, in turn.

Each round starts every queue's server on an empty folder, so that whatever else the machine does
meets all of them alike. A queue that cannot be measured here is named with the reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peers import kills, rounds
from bench.peers.contenders import NAMES, Absent, Contender, find
from bench.peers.measured import SLOWER_MS, Measured
from bench.peers.tables import report
from bench.report import Options, Report, steps
from bench.slow_disk import NoCompiler, is_slow, slow_disk

_FULL: Final = rounds.Amount(alone=400, together=1_600, wakeups=60, seconds=20)
_QUICK: Final = rounds.Amount(alone=200, together=800, wakeups=40, seconds=10)
# On a slow disk some need ten times as long.
_SLOW: Final = rounds.Amount(alone=100, together=900, wakeups=40, seconds=15)
_SLOW_QUICK: Final = rounds.Amount(alone=60, together=300, wakeups=20, seconds=8)


def measure(options: Options) -> Report:
    quick = options.quick
    measured = [_found(name) for name in options.peers or NAMES]
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as folder:
        fast = _QUICK if quick else _FULL
        _add_rounds(measured, fast, Path(folder) / "fast", 2 if quick else 3)
        try:
            with slow_disk(SLOWER_MS):
                slow = _SLOW_QUICK if quick else _SLOW
                _add_rounds(measured, slow, Path(folder) / "slow", 1 if quick else 2)
        except NoCompiler as missing:
            print(f"no slow disk: {missing}", file=sys.stderr)
        _add_survival(measured, Path(folder) / "kills", 15.0 if quick else 30.0)
    return report(measured, fast)


def _add_rounds(
    measured: Sequence[Measured], amount: rounds.Amount, folder: Path, count: int
) -> None:
    for number in range(count):
        able = {one.name: one for one in measured if not one.failed}
        for name in steps(f"peers, {folder.name} disk, round {number + 1} of {count}", list(able)):
            _add_round(able[name], amount, folder / f"{name}-{number}")


def _found(name: str) -> Measured:
    try:
        return Measured(name, find(name))
    except Absent as absent:
        return Measured(name, failed=str(absent))


def _add_round(one: Measured, amount: rounds.Amount, folder: Path) -> None:
    assert one.contender is not None
    try:
        found = rounds.measure(one.contender, amount, folder)
    except Exception as error:  # noqa: BLE001  (the others are still to be measured)
        _say_failed(one, error)
    else:
        (one.slow if is_slow() else one.fast).rounds.append(found)


def _add_survival(measured: Sequence[Measured], folder: Path, patience: float) -> None:
    able = {one.name: one for one in measured if not one.failed}
    contenders: list[Contender] = [one.contender for one in able.values() if one.contender]
    for name, survival in kills.measure_all(contenders, folder, patience).items():
        if isinstance(survival, Exception):
            _say_failed(able[name], survival)
        else:
            able[name].survival = survival


def _say_failed(one: Measured, error: Exception) -> None:
    one.failed = (str(error).strip().splitlines() or [type(error).__name__])[0]
    print(f"{one.name}: {error}", *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
