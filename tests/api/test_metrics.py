"""How answered requests are counted for Prometheus."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from athena.api.metrics import Requests


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def requests(registry: CollectorRegistry) -> Requests:
    requests = Requests()
    registry.register(requests)
    return requests


def test_answers_are_counted_by_route_and_status(requests: Requests, registry: CollectorRegistry):
    """Each status is a count of its own."""
    for status in (200, 200, 409):
        requests.count("POST", "/api/claim", status, 0.002)

    def total(status: str) -> float | None:
        labels = {"method": "POST", "path": "/api/claim", "status": status}
        return registry.get_sample_value("athena_http_requests_total", labels)

    assert (total("200"), total("409"), total("404")) == (2, 1, None)


def test_times_fall_into_buckets_whatever_the_status(
    requests: Requests, registry: CollectorRegistry
):
    """A bucket counts what took up to its bound, the bound included; the last counts all."""
    for status, seconds in ((200, 0.001), (200, 0.0011), (409, 0.4), (200, 70.0)):
        requests.count("POST", "/api/claim", status, seconds)

    def sample(name: str, **more: str) -> float | None:
        labels = {"method": "POST", "path": "/api/claim", **more}
        return registry.get_sample_value(f"athena_http_request_seconds_{name}", labels)

    bounds = ("0.001", "0.0025", "0.5", "65.0", "+Inf")
    assert [sample("bucket", le=bound) for bound in bounds] == [1, 2, 3, 3, 4]
    assert sample("count") == 4
    assert sample("sum") == pytest.approx(70.4021)
