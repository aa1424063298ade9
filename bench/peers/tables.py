"""The comparison in words: tables, who is ahead of Athena and why, and what the plot shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bench.peers.kills import LEASE_SECONDS, Survival
from bench.peers.measured import SLOWER_MS, Found, Measured
from bench.peers.rounds import PRODUCERS, Amount
from bench.report import Plot, Report, Table, middle

_BASE: Final = "athena_sqlite"
_AT_ONCE_SECONDS: Final = 0.5
# Less than this is chance.
_NOTABLY: Final = 1.05
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


def report(measured: Sequence[Measured], amount: Amount) -> Report:
    able = sorted((one for one in measured if one.fast.rounds), key=lambda one: -one.fast.rate)
    slow = sorted((one for one in able if one.slow.rounds), key=lambda one: -one.slow.rate)
    found = Report([_rates(able, amount), _slow_rates(slow), _survivals(able), _settings(able)])
    found.texts += [*_ahead(able), *_absent(measured)]
    found.plots["peers.svg"] = _plot(able)
    for one in able:
        for prefix, part in ((one.name, one.fast), (f"{one.name}_slow_disk", one.slow)):
            if part.rounds:
                found.figures[f"peer_{prefix}_tasks_per_second"] = part.rate
            if (p50 := part.wakeup(0.50)) is not None:
                found.figures[f"peer_{prefix}_wakeup_p50_ms"] = p50
    return found


def _rates(able: Sequence[Measured], amount: Amount) -> Table:
    count = len(able[0].fast.rounds) if able else 0
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
        fast = one.fast
        cpu = [fast.median(lambda r: r.server_cpu_us), fast.median(lambda r: r.workers_cpu_us)]
        memory = [fast.median(lambda r: r.server_mb), fast.median(lambda r: r.workers_mb)]
        table.rows.append((one.shown, *_speeds(fast), *(f"{each:,.0f}" for each in cpu + memory)))
    return table


def _slow_rates(slow: Sequence[Measured]) -> Table:
    table = Table(
        f"The same on a disk that takes {SLOWER_MS:.0f} ms longer to sync",
        ("queue", "tasks/s", "enqueue/s, 1 client", f"{PRODUCERS} clients", "wake-up p50", "p99"),
        notes=[
            "As disks without a battery behind their cache do, and more so SD cards. Whoever syncs",
            "once for each task is held up here; whoever syncs once for many goes on.",
        ],
    )
    table.rows += [(one.shown, *_speeds(one.slow)) for one in slow]
    return table


def _speeds(found: Found) -> Sequence[str]:
    return [
        middle(found.values(lambda r: r.run)) + found.remark,
        middle(found.values(lambda r: r.enqueued_alone)),
        middle(found.values(lambda r: r.enqueued_together)),
        *(_ms(found.wakeup(part)) for part in (0.50, 0.99)),
    ]


def _survivals(able: Sequence[Measured]) -> Table:
    table = Table(
        "What survives kill -9",
        ("queue", "a worker in mid-task: runs again", "what brings it back", "the server"),
        words=True,
        notes=_KILLS,
    )
    for one in able:
        if one.survival is not None and one.contender is not None:
            back = one.contender.peer.returns
            table.rows.append((one.shown, _back(one.survival), back, _kept(one.survival)))
    return table


def _back(survival: Survival) -> str:
    if survival.back_after is None:
        return f"not in {survival.patience:.0f} s"
    at_once = survival.back_after < _AT_ONCE_SECONDS
    return "at once" if at_once else f"after {survival.back_after:.0f} s"


def _kept(survival: Survival) -> str:
    if survival.accepted is None or survival.kept is None:
        return "has none"
    lost = survival.accepted - survival.kept
    return f"all {survival.kept} kept" if not lost else f"{lost} of {survival.accepted} lost"


def _settings(able: Sequence[Measured]) -> Table:
    columns = ("queue", "versions", "workers", "settings")
    table = Table("Versions and settings", columns, words=True, notes=_SERVERS)
    for one in able:
        if one.contender is not None:
            versions = ", ".join(f"{name} {v}" for name, v in one.contender.versions.items())
            peer = one.contender.peer
            table.rows.append((one.shown, versions, peer.workers, peer.settings))
    return table


def _ahead(able: Sequence[Measured]) -> Iterator[str]:
    """Where Athena on SQLite is not first, and why."""
    base = next((one for one in able if one.name == _BASE), None)
    if base is None:
        return
    yield f"Where another is ahead of {base.title}, and why:"
    others = [one for one in able if not one.is_own]
    lines = [line for one in others if (line := _ahead_of(base, one))]
    yield "\n".join(lines or ["- Nobody is."])


def _ahead_of(base: Measured, one: Measured) -> str:
    assert one.contender is not None
    points = [
        *_ahead_in(base.fast, one.fast, ""),
        *_ahead_in(base.slow, one.slow, " on the slow disk"),
    ]
    if not points:
        return ""
    peer = one.contender.peer
    weaker = f" It promises less: {peer.promise}." if one.is_weaker else ""
    return f"- **{peer.title}**: {'; '.join(points)}. {peer.differs}{weaker}"


def _ahead_in(base: Found, other: Found, where: str) -> Iterator[str]:
    if not base.rounds or not other.rounds:
        return
    if other.rate > base.rate * _NOTABLY:
        yield f"{other.rate / base.rate:.1f} × the tasks/s{where}"
    ours, theirs = base.wakeup(0.50), other.wakeup(0.50)
    if ours is not None and theirs is not None and theirs * _NOTABLY < ours:
        yield f"wake-up p50 {theirs:.1f} against {ours:.1f} ms{where}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _absent(measured: Sequence[Measured]) -> Iterator[str]:
    lines = [f"- {one.title}: {one.failed}" for one in measured if one.failed]
    if lines:
        yield "\n".join(["Not measured here, or not to the end:", "", *lines])


def _plot(able: Sequence[Measured]) -> Plot:
    rows = [
        {
            "title": one.title,
            "own": one.is_own,
            "weaker": one.is_weaker,
            "rates": one.fast.values(lambda r: r.run),
            "slow_rates": one.slow.values(lambda r: r.run),
            "wakeup": [one.fast.wakeup(part) for part in (0.50, 0.99)],
        }
        for one in able
    ]
    return Plot("bars", "Tasks a second and wake-up of each queue", {"rows": rows})
