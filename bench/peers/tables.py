"""The comparison in words: tables, who is ahead of Athena and why, and what the plot shows."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.peers.contenders import Contender
from bench.peers.contract import Promise
from bench.peers.kills import LEASE_SECONDS, PATIENCE_SECONDS, Survival
from bench.peers.rounds import PRODUCERS, Amount, Round
from bench.report import Plot, Report, Table, middle, percentile

_BASE: Final = "athena_sqlite"
_AT_ONCE_SECONDS: Final = 0.5
_MEANINGS: Final = [
    "Enqueue: each client offers the next task when the last is accepted. Tasks/s: workers that",
    "have all started empty the full queue. Wake-up: from the offer until an idle worker has it.",
    "Server: with its database. Memory after the work; what processes share counts once.",
]
_KILLS: Final = [
    "Worker: all its processes at once, while another stands by. Where one can choose how long a",
    f"dead worker keeps its task, it is {LEASE_SECONDS} s here. Server: while it accepts, with its",
    "database; it is started again, and everything that was accepted is looked for.",
]
_SERVERS: Final = [
    "Everything runs on this machine. What a server has accepted is on its disk: Redis with",
    "`appendonly yes`, `appendfsync always` (stock: off); PostgreSQL with fsync and",
    "synchronous_commit on (stock), 64 MB of shared buffers.",
]


@dataclass(slots=True)
class Measured:
    """One queue, and what was found of it. `failed` says why nothing was."""

    name: str
    contender: Contender | None = None
    failed: str = ""
    rounds: list[Round] = field(default_factory=list)
    survival: Survival | None = None

    @property
    def title(self) -> str:
        return self.name if self.contender is None else self.contender.peer.title

    def values(self, of: Callable[[Round], float]) -> list[float]:
        return [of(round_) for round_ in self.rounds]

    @property
    def rate(self) -> float:
        return statistics.median(self.values(lambda r: r.run))

    @property
    def wakeups(self) -> list[float]:
        return [took for round_ in self.rounds for took in round_.wakeup_ms]


def report(measured: Sequence[Measured], amount: Amount) -> Report:
    able = sorted((one for one in measured if one.rounds), key=lambda one: -one.rate)
    found = Report([_rates(able, amount), _survivals(able), _settings(able)])
    found.texts += [*_ahead(able), *_absent(measured)]
    found.plots["peers.svg"] = _plot(able)
    for one in able:
        found.figures[f"peer_{one.name}_tasks_per_second"] = one.rate
        if one.wakeups:
            found.figures[f"peer_{one.name}_wakeup_p50_ms"] = percentile(one.wakeups, 0.50)
            found.figures[f"peer_{one.name}_wakeup_p99_ms"] = percentile(one.wakeups, 0.99)
    return found


def _rates(able: Sequence[Measured], amount: Amount) -> Table:
    count = len(able[0].rounds) if able else 0
    table = Table(
        f"{amount.jobs:,} tasks put in, taken and finished",
        (
            "queue",
            "tasks/s",
            "enqueue/s, 1 client",
            f"{PRODUCERS} clients",
            "wake-up p50 ms",
            "p99 ms",
            "CPU µs/task: server",
            "workers",
            "server MB",
            "workers MB",
        ),
        notes=[f"Medians (ranges) of {count} interleaved rounds; tasks do nothing.", *_MEANINGS],
    )
    for one in able:
        rows = [
            f"**{one.title}**" if one.contender and one.contender.is_own else one.title,
            middle(one.values(lambda r: r.run)) + _unfinished(one),
            middle(one.values(lambda r: r.enqueued_alone)),
            middle(one.values(lambda r: r.enqueued_together)),
            *(f"{percentile(one.wakeups, p):.1f}" if one.wakeups else "–" for p in (0.50, 0.99)),
            *(
                f"{statistics.median(one.values(of)):,.0f}"
                for of in (
                    lambda r: r.server_cpu_us,
                    lambda r: r.workers_cpu_us,
                    lambda r: r.server_mb,
                    lambda r: r.workers_mb,
                )
            ),
        ]
        table.rows.append(rows)
    return table


def _unfinished(one: Measured) -> str:
    """Jobs that were run twice, or never in the time that they had, are said beside the rate."""
    left, twice = (max(one.values(of)) for of in (lambda r: r.unfinished, lambda r: r.twice))
    return (f", {left:.0f} not run" if left else "") + (f", {twice:.0f} run twice" if twice else "")


def _survivals(able: Sequence[Measured]) -> Table:
    table = Table(
        "What survives kill -9",
        ("queue", "a worker in mid-task: runs again", "what brings it back", "the server"),
        words=True,
        notes=_KILLS,
    )
    for one in able:
        if one.survival is not None and one.contender is not None:
            table.rows.append(
                (one.title, _back(one.survival), one.contender.peer.returns, _kept(one.survival))
            )
    return table


def _back(survival: Survival) -> str:
    if survival.back_after is None:
        return f"not in {PATIENCE_SECONDS:.0f} s"
    at_once = survival.back_after < _AT_ONCE_SECONDS
    return "at once" if at_once else f"after {survival.back_after:.0f} s"


def _kept(survival: Survival) -> str:
    if survival.accepted is None or survival.kept is None:
        return "has none"
    lost = survival.accepted - survival.kept
    return f"{survival.kept} kept" if not lost else f"{lost} of {survival.accepted} lost"


def _settings(able: Sequence[Measured]) -> Table:
    columns = ("queue", "versions", "workers", "settings")
    table = Table("Versions and settings", columns, words=True, notes=_SERVERS)
    for one in able:
        if one.contender is not None:
            versions = ", ".join(f"{name} {v}" for name, v in one.contender.versions.items())
            peer = one.contender.peer
            table.rows.append((one.title, versions, peer.workers, peer.settings))
    return table


def _ahead(able: Sequence[Measured]) -> Iterator[str]:
    """Where Athena on SQLite is not first, and why."""
    base = next((one for one in able if one.name == _BASE), None)
    if base is None:
        return
    others = [one for one in able if one.contender is not None and not one.contender.is_own]
    yield f"Ahead of {base.title} ({base.rate:,.0f} tasks/s, {_wakeup(base)}):"
    lines = [line for one in others if (line := _ahead_of(base, one))]
    yield "\n".join(lines or ["- nobody."])


def _ahead_of(base: Measured, one: Measured) -> str:
    assert one.contender is not None
    points = []
    if one.rate > base.rate:
        points.append(f"tasks/s ({one.rate / base.rate:.1f} ×)")
    if one.wakeups and base.wakeups and _p50(one) < _p50(base):
        points.append(f"wake-up ({_wakeup(one)})")
    if not points:
        return ""
    peer = one.contender.peer
    weaker = (
        " Its promise is weaker: " + peer.promise + "." if peer.promise is not Promise.SAME else ""
    )
    return f"- {peer.title} in {' and '.join(points)}. {peer.differs}{weaker}"


def _wakeup(one: Measured) -> str:
    return f"wake-up p50 {_p50(one):.1f} ms"


def _p50(one: Measured) -> float:
    return percentile(one.wakeups, 0.50) if one.wakeups else float("nan")


def _absent(measured: Sequence[Measured]) -> Iterator[str]:
    lines = [f"- {one.title}: {one.failed}" for one in measured if one.failed]
    if lines:
        yield "\n".join(["Not measured here, or not to the end:", "", *lines])


def _plot(able: Sequence[Measured]) -> Plot:
    rows = [
        {
            "title": one.title,
            "own": one.contender is not None and one.contender.is_own,
            "weaker": one.contender is not None and one.contender.peer.promise is not Promise.SAME,
            "rates": one.values(lambda r: r.run),
            "wakeup": [percentile(one.wakeups, part) for part in (0.50, 0.99)]
            if one.wakeups
            else None,
        }
        for one in able
    ]
    return Plot("bars", "Tasks a second and wake-up of each queue", {"rows": rows})
