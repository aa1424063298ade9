"""Figures for Prometheus: requests by route template (never by raw path), and the queue's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from athena.service.stats import Statistics, Stats

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
_STATS_AGE_SECONDS_MAX: Final = 5.0
# Long polls last up to a minute.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 30.0, 65.0)


class Metrics:
    """All figures, in a registry of their own."""

    def __init__(
        self, stats: Stats, *, open_streams: Callable[[], int], is_leader: Callable[[], bool]
    ) -> None:
        self._stats = stats
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "athena_http_requests",
            "Requests answered.",
            ["method", "path", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "athena_http_request_seconds",
            "Time from a request to its answer, waiting included.",
            ["method", "path"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._tasks = self._gauge("athena_tasks", "Tasks by status.", "status")
        self._pending = self._gauge("athena_tasks_pending", "Pending tasks.", "priority")
        self._oldest = self._gauge(
            "athena_oldest_pending_seconds", "Age of the oldest pending task."
        )
        self._instances = self._gauge("athena_instances", "Instances ever seen, by state.", "state")
        streams = self._gauge("athena_event_streams", "Open event streams.")
        streams.set_function(open_streams)
        leader = self._gauge(
            "athena_leader", "1 where Discord and the periodic duties run, 0 on other replicas."
        )
        leader.set_function(is_leader)
        ProcessCollector(registry=self._registry)
        self._counts: dict[tuple[str, str, int], Counter] = {}
        self._times: dict[tuple[str, str], Histogram] = {}

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, registry=self._registry)

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note an answered request. The labelled children are kept: finding one costs 2 µs."""
        counter = self._counts.get((method, path, status))
        if counter is None:
            counter = self._requests.labels(method, path, str(status))
            self._counts[method, path, status] = counter
            self._times[method, path] = self._seconds.labels(method, path)
        counter.inc()
        self._times[method, path].observe(seconds)

    async def text(self) -> bytes:
        """Everything in the format of Prometheus; the queue's figures are some seconds old."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if self._read_at is None or now - self._read_at >= _STATS_AGE_SECONDS_MAX:
                self._show(await self._stats.read())
                self._read_at = now
        return generate_latest(self._registry)

    def _show(self, stats: Statistics) -> None:
        for status, tasks in stats.by_status.items():
            self._tasks.labels(status.value).set(tasks)
        for priority, tasks in stats.by_priority.items():
            self._pending.labels(priority.value).set(tasks)
        self._oldest.set(stats.oldest_pending_seconds or 0.0)
        self._instances.labels("online").set(stats.instances_online)
        self._instances.labels("offline").set(stats.instances_total - stats.instances_online)
