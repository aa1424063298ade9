"""The figures of the queue."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from athena.model.lifecycle import Status
from athena.model.task import PRIORITY_OF_RANK, Priority
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds
from athena.store.base import Reading, Store

_SPANS: Final = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_NAMES_MAX: Final = 50
_DURATIONS_LOOKED_AT: Final = 500
_MILLISECONDS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts, ages, throughput and cost.

    `by_priority` counts pending tasks. `throughput` (completed tasks) and `cost_usd` have a
    figure for each of 24h, 7d and 30d; the costs by project and by instance are of 30 days.
    The medians are of the last 500 completed tasks; None where there is none.
    """

    by_status: Mapping[Status, int]
    by_priority: Mapping[Priority, int]
    oldest_pending_seconds: float | None
    instances_online: int
    instances_total: int
    throughput: Mapping[str, int]
    cost_usd: Mapping[str, float]
    cost_usd_by_project: Mapping[str, float]
    cost_usd_by_instance: Mapping[str, float]
    wait_seconds_p50: float | None
    run_seconds_p50: float | None


class Stats:
    """The one use case: look."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> Statistics:
        """The figures, all of one moment."""
        return await self._store.read(_read)


async def _read(reading: Reading) -> Statistics:
    by_status = {row["status"]: row["tasks"] for row in await reading.fetch_all("count_by_status")}
    by_rank = {
        row["priority"]: row["tasks"]
        for row in await reading.fetch_all("count_pending_by_priority")
    }
    online, total = await _instances(reading)
    waits, runs = await _durations(reading)
    throughput = {
        name: int(await _since(reading, "completed_since", "tasks", span))
        for name, span in _SPANS.items()
    }
    cost = {
        name: round(await _since(reading, "cost_since", "cost_usd", span), 6)
        for name, span in _SPANS.items()
    }
    return Statistics(
        by_status={status: by_status.get(status.value, 0) for status in Status},
        by_priority={p: by_rank.get(rank, 0) for rank, p in enumerate(PRIORITY_OF_RANK)},
        oldest_pending_seconds=await _oldest_pending(reading),
        instances_online=online,
        instances_total=total,
        throughput=throughput,
        cost_usd=cost,
        cost_usd_by_project=await _costs(reading, "cost_by_project_since"),
        cost_usd_by_instance=await _costs(reading, "cost_by_instance_since"),
        wait_seconds_p50=waits,
        run_seconds_p50=runs,
    )


async def _instances(reading: Reading) -> tuple[int, int]:
    row = await reading.fetch_one("count_instances") or {"online": 0, "total": 0}
    return int(row["online"]), int(row["total"])


async def _oldest_pending(reading: Reading) -> float | None:
    row = await reading.fetch_one("oldest_pending")
    if row is None or row["created_at"] is None:
        return None
    age = reading.now - from_epoch_milliseconds(row["created_at"])
    return max(0.0, age.total_seconds())


async def _since(reading: Reading, statement: str, column: str, span: timedelta) -> float:
    values = {"since": epoch_milliseconds(reading.now - span)}
    row = await reading.fetch_one(statement, values)
    return float((row or {column: 0})[column])


async def _costs(reading: Reading, statement: str) -> dict[str, float]:
    since = epoch_milliseconds(reading.now - _SPANS["30d"])
    rows = await reading.fetch_all(statement, {"since": since, "limit": _NAMES_MAX})
    return {row["name"]: round(float(row["cost_usd"]), 6) for row in rows}


async def _durations(reading: Reading) -> tuple[float | None, float | None]:
    rows = await reading.fetch_all("recent_durations", {"limit": _DURATIONS_LOOKED_AT})
    if not rows:
        return None, None
    waits = statistics.median(max(0, row["wait_ms"]) for row in rows)
    runs = statistics.median(max(0, row["run_ms"]) for row in rows)
    return waits / _MILLISECONDS, runs / _MILLISECONDS
