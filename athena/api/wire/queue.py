"""How the queue's pauses and figures look in JSON."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict

from athena.model.lifecycle import Status
from athena.model.pause import Pauses
from athena.model.task import Priority
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

    by_status: Mapping[Status, int]
    by_priority: Mapping[Priority, int]
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
        "by_status": dict(stats.by_status),
        "by_priority": dict(stats.by_priority),
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
