"""How the state of Athena looks in JSON."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from athena.service.health import HealthReport


class HealthJson(TypedDict):
    """How Athena is. `role`: single, leader or follower; `replica` where there may be several."""

    status: str
    version: str
    uptime_seconds: float
    database: str
    discord: str
    role: str
    replica: NotRequired[str]


def health_json(report: HealthReport) -> HealthJson:
    """How Athena is."""
    answer: HealthJson = {
        "status": report.status,
        "version": report.version,
        "uptime_seconds": report.uptime_seconds,
        "database": report.database,
        "discord": report.discord,
        "role": report.role.value,
    }
    if report.replica is not None:
        answer["replica"] = report.replica
    return answer


class ReadyJson(TypedDict):
    """The store takes writes."""

    status: str
