"""Figures for Prometheus: requests by route template (never by raw path), and the queue's state."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from athena.service.stats import Statistics, Stats

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
_STATS_AGE_SECONDS_MAX: Final = 5.0
# Long polls last up to a minute.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 30.0, 65.0)
_BOUNDS: Final = (*map(str, _BUCKETS), "+Inf")


class _Tally:
    """Answers of one kind: how many took how long, and all of them together."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.seconds = 0.0

    def add(self, other: _Tally) -> None:
        """Take in what another has counted."""
        self.buckets = [
            ours + theirs for ours, theirs in zip(self.buckets, other.buckets, strict=True)
        ]
        self.seconds += other.seconds


class Requests(Collector):
    """Requests answered, and the time they took.

    Plain numbers, since the event loop alone counts: the library's own counters lock, and look
    at each bucket in turn, which took 2.3 µs a request where this takes 0.4.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, int], _Tally] = {}

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note an answered request."""
        tally = self._tallies.get((method, path, status))
        if tally is None:
            tally = self._tallies[method, path, status] = _Tally()
        tally.buckets[bisect_left(_BUCKETS, seconds)] += 1
        tally.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        answered = CounterMetricFamily(
            "athena_http_requests", "Requests answered.", labels=("method", "path", "status")
        )
        took = HistogramMetricFamily(
            "athena_http_request_seconds",
            "Time from a request to its answer, waiting included.",
            labels=("method", "path"),
        )
        by_route: dict[tuple[str, str], _Tally] = {}
        for (method, path, status), tally in self._tallies.items():
            answered.add_metric((method, path, str(status)), sum(tally.buckets))
            by_route.setdefault((method, path), _Tally()).add(tally)
        for route, tally in by_route.items():
            counts = zip(_BOUNDS, accumulate(tally.buckets), strict=True)
            took.add_metric(route, list(counts), tally.seconds)
        return answered, took


class Metrics:
    """All figures, in a registry of their own."""

    def __init__(
        self, stats: Stats, *, open_streams: Callable[[], int], is_leader: Callable[[], bool]
    ) -> None:
        self._stats = stats
        self._read_at: float | None = None
        self._reading = asyncio.Lock()
        self._registry = CollectorRegistry()
        self.requests = Requests()
        self._registry.register(self.requests)
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

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, registry=self._registry)

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
