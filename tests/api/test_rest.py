"""Instances, the queue as a whole, health, figures, and the page of documentation."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from athena.api.endpoint import load_endpoints
from athena.api.openapi import openapi_document
from athena.api.page import CONTENT_SECURITY_POLICY, problems
from athena.api.server import Api, CannotListen
from athena.model.errors import Unavailable
from tests.api.driver import ApiDriver, running_api
from tests.store.engines import Engine


async def test_health_is_always_200(api: ApiDriver, engine: Engine):
    """What fails is told in the body."""
    # Nobody leads here: that is a duty, and none runs.
    alone, shared = {"role": "single"}, {"role": "follower", "replica": "here"}
    health = await api.ask("GET", "/health", key=None)
    assert health.status == 200
    assert health.body == {
        "status": "ok",
        "version": "0.0.1",
        "uptime_seconds": 0.0,
        "database": "ok",
        "discord": "disabled",
        **(shared if engine.name == "postgres" else alone),
    }
    api.services.health.set_discord("failed: bad token")

    health = await api.ask("GET", "/health", key=None)

    assert health.status == 200
    assert health.body["status"] == "degraded"
    assert health.body["discord"] == "failed: bad token"


async def test_without_a_store_it_is_alive_but_not_ready(api: ApiDriver):
    """Writes and reads are 503 with Retry-After, and nothing is a traceback."""
    assert (await api.ask("GET", "/ready", key=None)).body == {"status": "ready"}
    assert api.store is not None
    await api.store.close()
    api.clock.advance(timedelta(seconds=5))

    ready = await api.ask("GET", "/ready", key=None)
    health = await api.ask("GET", "/health", key=None)
    listed = await api.ask("GET", "/api/tasks")
    submitted = await api.ask("POST", "/api/tasks", {"description": "x"})

    assert (health.status, health.body["database"]) == (200, "unavailable")
    for answer in (ready, listed, submitted):
        assert (answer.status, answer.code) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_heartbeats_register_and_renew(api: ApiDriver):
    """The answer tells what is held, what is lost and why, and what was not named."""
    held, unnamed, gone = await api.claimed(), await api.claimed(), await api.claimed()
    await api.ask("POST", f"/api/tasks/{gone['id']}/cancel")
    foreign = await api.claimed("mac")
    body = {
        "instance": "pi",
        "name": "Raspberry Pi",
        "host": "pi.local",
        "platform": "linux",
        "version": "1.0",
        "labels": ["arm"],
        "projects": ["web"],
        "slots": 2,
        "health": {"ok": False, "message": "disk is full"},
        "tasks": [
            {"id": held["id"], "attempt": 1},
            {"id": gone["id"]},
            {"id": foreign["id"], "attempt": 1},
            {"id": 99},
        ],
    }

    answer = await api.ask("POST", "/api/instance/heartbeat", body)

    assert answer.body == {
        "instance": "pi",
        "held": [held["id"]],
        "lost": [
            {"id": gone["id"], "code": "task_cancelled"},
            {"id": foreign["id"], "code": "not_holder"},
            {"id": 99, "code": "task_not_found"},
        ],
        "unnamed": [unnamed["id"]],
    }
    instances = (await api.ask("GET", "/api/instances")).body["instances"]
    shown = next(instance for instance in instances if instance["instance"] == "pi")
    assert shown == {
        "instance": "pi",
        "name": "Raspberry Pi",
        "online": True,
        "last_seen": "2026-11-21T20:00:00.000Z",
        "host": "pi.local",
        "platform": "linux",
        "version": "1.0",
        "labels": ["arm"],
        "projects": ["web"],
        "slots": 2,
        "tasks": [held["id"], unnamed["id"]],
        "health": {"ok": False, "message": "disk is full"},
    }


async def test_pauses(api: ApiDriver):
    """Of everything, a project, an instance; resumed as they were made."""
    await api.submitted(project="web")
    for pause in ({}, {"project": "web"}, {"instance": "pi"}):
        paused = await api.ask("POST", "/api/pause", pause)
        assert paused.status == 200
        assert paused.body == {"paused": [{"project": None, "instance": None, **pause}]}
        assert (await api.ask("POST", "/api/claim", {"instance": "pi"})).status == 204
        assert (await api.ask("POST", "/api/resume", pause)).body == {"paused": []}
    assert (await api.ask("POST", "/api/claim", {"instance": "pi"})).status == 200


async def test_stats(api: ApiDriver):
    """All figures, of the shape that is promised."""
    await api.submitted(priority="high")
    await api.completed(result={"total_cost_usd": 0.25})
    api.clock.advance(timedelta(seconds=90))

    stats = (await api.ask("GET", "/api/stats")).body

    assert stats == {
        "by_status": {"pending": 1, "in_progress": 0, "completed": 1, "failed": 0, "cancelled": 0},
        "by_priority": {"urgent": 0, "high": 1, "medium": 0, "low": 0},
        "oldest_pending_seconds": 90.0,
        "instances": {"online": 1, "total": 1},
        "throughput": {"24h": 1, "7d": 1, "30d": 1},
        "cost_usd": {
            "24h": 0.25,
            "7d": 0.25,
            "30d": 0.25,
            "by_project": stats["cost_usd"]["by_project"],
            "by_instance": {"pi": 0.25},
        },
        "wait_seconds_p50": 0.0,
        "run_seconds_p50": 0.0,
    }
    assert list(stats["cost_usd"]["by_project"].values()) == [0.25]


async def test_metrics_tell_of_routes_and_the_queue(api: ApiDriver):
    """By route template: no ids, no raw paths, no keys."""
    await api.claimed()
    await api.ask("GET", "/api/tasks/4711471147114711")
    await api.ask("GET", "/canary")

    answer = await api.ask("GET", "/metrics")

    text = answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'athena_tasks{status="in_progress"} 1.0' in text
    assert 'athena_instances{state="online"} 1.0' in text
    assert (
        'athena_http_requests_total{method="GET",path="/api/tasks/{id}",status="404"} 1.0' in text
    )
    assert "athena_http_request_seconds_bucket" in text
    assert "4711471147114711" not in text
    assert "canary" not in text


async def test_the_page_needs_nothing_but_itself(api: ApiDriver):
    """No script, nothing loaded; whatever stands in the document stands on it, in safe HTML."""
    answer = await api.ask("GET", "/docs", key=None)

    page = answer.content.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!#|/openapi\.json)", page)
    for endpoint in load_endpoints():
        assert f'id="{endpoint.name}"' in page
    for code in problems(openapi_document(load_endpoints(), version="1")):
        assert f'id="{code}"' in page


@pytest.mark.parametrize(
    "field", ["finish.attempt", "progress.percent", "lines[].kind", "tasks[].id"]
)
async def test_the_page_shows_the_fields_of_fields(api: ApiDriver, field: str):
    """Each field of each body, also those of the objects and lists in it."""
    page = (await api.ask("GET", "/docs", key=None)).content.decode()

    assert f"<td><code>{field}</code><td>" in page
    assert "text | tool | result" in page


async def test_a_port_that_is_taken_is_one_line(api: ApiDriver, engine: Engine, tmp_path: Path):
    """Not a traceback for the person who starts it twice."""
    folder = tmp_path / "other"
    folder.mkdir()
    async with running_api(engine, folder) as other:
        second = Api(other.services, version="1")
        with pytest.raises(CannotListen) as raised:
            await second.start("127.0.0.1", api.port)
        assert str(api.port) in raised.value.detail
        assert "\n" not in raised.value.detail
        with pytest.raises(CannotListen):
            await second.start("no.such.host.invalid", 0)
        await second.stop()


async def test_a_bug_is_a_500_that_says_nothing(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Outside "internal error", inside a traceback."""

    async def broken(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(api.services.stats.__class__, "read", broken)

    answer = await api.ask("GET", "/api/stats")

    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.content
    assert "a secret of the inside" in capsys.readouterr().out
    assert (await api.ask("GET", "/health")).status == 200


async def test_an_unavailable_store_is_not_a_bug(api: ApiDriver, monkeypatch: pytest.MonkeyPatch):
    """503, and when to come again."""

    async def busy(*_: object) -> None:
        raise Unavailable("The disk is full.", retry_after_seconds=7)

    monkeypatch.setattr(api.services.stats.__class__, "read", busy)

    answer = await api.ask("GET", "/api/stats")

    assert (answer.status, answer.code) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "7"
