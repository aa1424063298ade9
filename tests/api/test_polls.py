"""Long polls: answered as soon as there is something; a client that has gone gets nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.driver import ADMIN, DEADLINE_SECONDS, Answer, ApiDriver, until
from tests.api.raw import request


def waiting_polls(api: ApiDriver) -> int:
    return len(api.services.polls._waking._pollers)


async def claim(api: ApiDriver, **fields: object) -> Answer:
    return await api.ask("POST", "/api/claim", {"instance": "pi", **fields})


async def test_without_waiting_nothing_is_204(api: ApiDriver):
    """An empty answer."""
    answer = await claim(api)

    assert (answer.status, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers


async def test_the_best_that_fits_is_claimed(api: ApiDriver):
    """By priority, among the projects and labels that are named."""
    await api.submitted()
    await api.submitted(project="web")
    gpu = await api.submitted(target="gpu", priority="urgent")

    with_label = await claim(api, labels=["gpu"])
    with_project = await claim(api, projects=["web"])
    none = await claim(api, projects=["other"])

    assert with_label.body["id"] == gpu["id"]
    assert with_label.body["attempt"] == 1
    assert with_project.body["project"] == "web"
    assert none.status == 204


async def test_next_shows_without_claiming(api: ApiDriver):
    """What `claim` would give; 204 if nothing."""
    task = await api.submitted(project="web")

    shown = await api.ask("GET", "/api/tasks/next?instance=pi&projects=web,other")
    none = await api.ask("GET", "/api/tasks/next?instance=pi&projects=other")
    beat = await api.ask("POST", "/api/instance/heartbeat", {"instance": "pi", "projects": ["a"]})
    announced = await api.ask("GET", "/api/tasks/next?instance=pi")
    unknown = await api.ask("GET", "/api/tasks/next")

    assert shown.body == task
    assert (none.status, beat.status, announced.status) == (204, 200, 204)
    assert unknown.code == "validation_error"
    assert await api.status_of(task) == "pending"


async def test_a_poll_gets_the_task_that_comes(api: ApiDriver):
    """At once, not at the end of the wait."""
    poll = asyncio.create_task(claim(api, wait=30))
    await until(lambda: waiting_polls(api) == 1)

    task = await api.submitted()

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await poll).body["id"] == task["id"]


async def test_a_poll_ends_with_its_wait(api: ApiDriver):
    """204."""
    assert (await claim(api, wait=0.05)).status == 204


async def test_polls_end_when_the_server_stops(api: ApiDriver):
    """With an answer."""
    poll = asyncio.create_task(claim(api, wait=60))
    await until(lambda: waiting_polls(api) == 1)

    async with asyncio.timeout(3):
        await api.api.stop()

    assert (await poll).status == 204


async def test_a_poller_that_has_gone_takes_nothing(api: ApiDriver):
    """The task goes to one that is still there."""
    body = b'{"instance": "ghost", "wait": 60}'
    headers = ("Content-Type: application/json",)
    _, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(request("POST", "/api/claim", body, key=ADMIN, headers=headers))
    await until(lambda: waiting_polls(api) == 1)
    writer.close()
    await writer.wait_closed()
    alive = asyncio.create_task(claim(api, wait=30))
    await until(lambda: waiting_polls(api) >= 1)

    await api.submitted()

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await alive).body["claimed_by"] == "pi"


async def test_a_claim_that_cannot_be_answered_is_undone(
    api: ApiDriver, monkeypatch: pytest.MonkeyPatch
):
    """The client left between the claim and its answer: the task is free again at once."""
    await api.submitted()
    claims = api.services.claims
    attempt = claims.attempt

    async def slow(*args: Any, **kwargs: Any) -> Any:
        made = await attempt(*args, **kwargs)
        server = api.api._runner and api.api._runner.server
        assert server
        for connection in server.connections:
            connection.force_close()
        return made

    monkeypatch.setattr(type(claims), "attempt", lambda _, *a, **k: slow(*a, **k))
    body = b'{"instance": "ghost"}'
    headers = ("Content-Type: application/json",)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(request("POST", "/api/claim", body, key=ADMIN, headers=headers))

    assert await reader.read() == b""
    monkeypatch.undo()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while await api.status_of({"id": 1}) != "pending":  # noqa: ASYNC110  (nothing tells when)
            await asyncio.sleep(0.01)
    task = (await api.ask("GET", "/api/tasks/1")).body
    assert task["failures"] == 0
    types = [e["type"] for e in (await api.ask("GET", "/api/tasks/1/events")).body["events"]]
    assert types == ["task.submitted", "task.claimed", "task.released"]
    writer.close()


async def test_finish_and_claim_are_one(api: ApiDriver):
    """A busy worker needs one request a task; where the finish is refused nothing is claimed."""
    first, second = await api.claimed(), await api.submitted()
    done = {"id": first["id"], "attempt": 1, "notes": "done", "result": {"success": True}}

    refused = await claim(api, finish={**done, "attempt": 2})
    assert (refused.status, refused.code) == (409, "not_holder")
    assert await api.status_of(second) == "pending"

    answer = await claim(api, finish=done)
    assert answer.body["id"] == second["id"]
    assert await api.status_of(first) == "completed"
    for wrong in ({"id": 1}, {**done, "id": 0}, {**done, "result": {"success": False}}):
        assert (await claim(api, finish=wrong)).code == "validation_error"
    missing = await claim(api, finish={"id": 99, "attempt": 1})
    assert (missing.status, missing.code) == (404, "task_not_found")


async def test_a_finish_is_committed_before_the_wait(api: ApiDriver):
    """Whoever waits for the result need not wait for the next task."""
    task = await api.claimed()
    finish = {"id": task["id"], "attempt": 1}
    poll = asyncio.create_task(claim(api, wait=30, finish=finish))

    result = await api.ask("GET", f"/api/tasks/{task['id']}/result?wait=30")

    assert result.status == 200
    await api.submitted()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await poll).status == 200


async def test_a_result_is_waited_for(api: ApiDriver):
    """It comes as soon as the task ends; 204 when the wait is over first."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}"
    assert (await api.ask("GET", f"{path}/result?wait=0.05")).status == 204
    waiting = asyncio.create_task(api.ask("GET", f"{path}/result?wait=30"))
    await until(lambda: bool(api.services.feed._watches))

    await api.ask("POST", f"{path}/complete", {"instance": "pi", "notes": "watered"})

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert (await waiting).body["output"] == "watered"
    assert not api.services.feed._watches
