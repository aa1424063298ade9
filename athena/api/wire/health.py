"""How the state of Athena looks in JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from athena.service.health import HealthReport


class HealthJson(TypedDict):
    """How Athena is."""

    status: str
    version: str
    uptime_seconds: float
    database: str
    discord: str


def health_json(report: HealthReport) -> HealthJson:
    """How Athena is."""
    return {
        "status": report.status,
        "version": report.version,
        "uptime_seconds": report.uptime_seconds,
        "database": report.database,
        "discord": report.discord,
    }


class ReadyJson(TypedDict):
    """The store takes writes."""

    status: str
