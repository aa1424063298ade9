"""How the queue's pauses and figures look in JSON."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from athena.model.pause import Pauses
from athena.service.stats import Statistics


class PauseJson(TypedDict):
    """One pause: of a project, of an instance, of both together, or (neither) of everything."""

    project: str | None
    instance: str | None


class PauseList(TypedDict):
    """All pauses in force."""

    paused: list[PauseJson]


def pauses_json(pauses: Pauses) -> PauseList:
    """All pauses in force."""
    return {"paused": [{"project": p.project, "instance": p.instance} for p in pauses.items]}


class OnlineJson(TypedDict):
    """How many instances there are."""

    online: int
    total: int


Spans = TypedDict("Spans", {"24h": int, "7d": int, "30d": int})
CostJson = TypedDict(
    "CostJson",
    {
        "24h": float,
        "7d": float,
        "30d": float,
        "by_project": Mapping[str, float],
        "by_instance": Mapping[str, float],
    },
)


class StatsJson(TypedDict):
    """The figures of the queue; the costs by project and by instance are of 30 days."""

    by_status: Mapping[str, int]
    by_priority: Mapping[str, int]
    oldest_pending_seconds: float | None
    instances: OnlineJson
    throughput: Spans
    cost_usd: CostJson
    wait_seconds_p50: float | None
    run_seconds_p50: float | None


def stats_json(stats: Statistics) -> StatsJson:
    """The figures of the queue."""
    done, cost = stats.throughput, stats.cost_usd
    return {
        "by_status": {status.value: n for status, n in stats.by_status.items()},
        "by_priority": {priority.value: n for priority, n in stats.by_priority.items()},
        "oldest_pending_seconds": stats.oldest_pending_seconds,
        "instances": {"online": stats.instances_online, "total": stats.instances_total},
        "throughput": {"24h": done["24h"], "7d": done["7d"], "30d": done["30d"]},
        "cost_usd": {
            "24h": cost["24h"],
            "7d": cost["7d"],
            "30d": cost["30d"],
            "by_project": {name or "": usd for name, usd in stats.cost_usd_by_project.items()},
            "by_instance": stats.cost_usd_by_instance,
        },
        "wait_seconds_p50": stats.wait_seconds_p50,
        "run_seconds_p50": stats.run_seconds_p50,
    }
