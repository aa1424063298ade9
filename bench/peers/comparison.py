"""Athena beside the queues that people would pick instead: the same work, on one machine, in turn.

Each round starts every queue's server on an empty folder, so that whatever else the machine does
meets all of them alike. A queue that cannot be measured here is named with the reason.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.peers import kills, rounds
from bench.peers.contenders import NAMES, Absent, Contender, find
from bench.peers.tables import Measured, report
from bench.report import Options, Report, steps

_FULL: Final = rounds.Amount(alone=500, together=2_500, wakeups=60, seconds=20)
_QUICK: Final = rounds.Amount(alone=200, together=800, wakeups=40, seconds=10)


def measure(options: Options) -> Report:
    amount, count = (_QUICK, 2) if options.quick else (_FULL, 3)
    measured = [_found(name) for name in options.peers or NAMES]
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as folder:
        for number in range(count):
            for one in _in_turn(measured, f"peers, round {number + 1} of {count}"):
                _add_round(one, amount, Path(folder) / f"{one.name}-{number}")
        _add_survival(measured, Path(folder) / "kills")
    return report(measured, amount)


def _found(name: str) -> Measured:
    try:
        return Measured(name, find(name))
    except Absent as absent:
        return Measured(name, failed=str(absent))


def _in_turn(measured: Sequence[Measured], title: str) -> Iterator[Measured]:
    able = {one.name: one for one in measured if not one.failed}
    return (able[name] for name in steps(title, list(able)))


def _add_round(one: Measured, amount: rounds.Amount, folder: Path) -> None:
    assert one.contender is not None
    try:
        one.rounds.append(rounds.measure(one.contender, amount, folder))
    except Exception as error:  # noqa: BLE001  (the others are still to be measured)
        _say_failed(one, error)


def _add_survival(measured: Sequence[Measured], folder: Path) -> None:
    able = {one.name: one for one in measured if not one.failed}
    contenders: list[Contender] = [one.contender for one in able.values() if one.contender]
    for name, survival in kills.measure_all(contenders, folder).items():
        if isinstance(survival, Exception):
            _say_failed(able[name], survival)
        else:
            able[name].survival = survival


def _say_failed(one: Measured, error: Exception) -> None:
    one.failed = (str(error).strip().splitlines() or [type(error).__name__])[0]
    print(f"{one.name}: {error}", *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
