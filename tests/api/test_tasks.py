"""Tasks over HTTP: shapes, lists, changes, ends, and each refusal by its code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.api.driver import ApiDriver

FIELDS = (
    "id description status priority project target lane created_at created_by created_via "
    "updated_at not_before depends_on blocked_by claimed_by claimed_at lease_expires_at attempt "
    "failures max_attempts readiness phase progress notes error result completed_at session_id "
    "continues metadata"
).split()


async def test_a_new_task_is_answered_whole(api: ApiDriver):
    """201, where it is, and every public field."""
    answer = await api.ask(
        "POST",
        "/api/tasks",
        {
            "description": "Deploy «new» service\n🚀",
            "priority": "normal",
            "project": "havuncore",
            "target": "pi",
            "lane": "deploys",
            "not_before": "2026-11-21T23:30:00.5+02:00",
            "max_attempts": 5,
            "metadata": {"ticket": 7, "tags": ["a"], "big": 18446744073709551615},
            "continues": "session-1",
            "created_by": "alice",
        },
    )

    assert answer.status == 201
    assert answer.headers["Location"] == "/api/tasks/1"
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    task = answer.body
    assert list(task) == FIELDS
    assert task["description"] == "Deploy «new» service\n🚀"
    assert task["priority"] == "medium"
    assert task["not_before"] == "2026-11-21T21:30:00.500Z"
    assert task["created_at"] == "2026-11-21T20:00:00.000Z"
    assert task["created_via"] == "api"
    assert task["readiness"] == "scheduled"
    assert task["metadata"] == {"ticket": 7, "tags": ["a"], "big": 18446744073709551615}
    assert (await api.ask("GET", "/api/tasks/1")).body == task


async def test_what_is_null_may_be_left_out(api: ApiDriver):
    """A client that sends every field, empty, asks for the defaults."""
    names = (
        "priority project target lane not_before depends_on max_attempts metadata continues "
        "created_by"
    ).split()

    task = await api.submitted(**dict.fromkeys(names))

    assert task == {**task, "priority": "medium", "depends_on": [], "metadata": {}}
    assert task["max_attempts"] == 3


async def test_pending_tasks_are_listed_in_claim_order(api: ApiDriver):
    """Priority, then id; page by page."""
    for priority in ("low", "urgent", "medium", "urgent"):
        await api.submitted(priority=priority)

    first = (await api.ask("GET", "/api/tasks?limit=3")).body
    rest = (await api.ask("GET", f"/api/tasks?limit=3&cursor={first['next_cursor']}")).body

    assert [task["id"] for task in first["tasks"]] == [2, 4, 3]
    assert [task["id"] for task in rest["tasks"]] == [1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 3]),
        ("status=pending", [1, 2, 3]),
        ("status=running", [4]),
        ("status=in_progress,completed", [4, 5]),
        ("status=all", [1, 2, 3, 4, 5]),
        ("project=web", [2]),
        ("target=mac", [3]),
        ("status=all&claimed_by=pi", [4, 5]),
        ("created_by=bob", [3]),
        ("priority=high", [2]),
        ("priority=normal", [1, 3]),
        ("q=WATER", [1, 2, 3]),
        ("q=nothing-like-it", []),
    ],
)
async def test_lists_are_filtered(api: ApiDriver, query: str, expected: list[int]):
    """All filters that are given must fit."""
    await api.submitted()
    await api.submitted(project="web", priority="high")
    await api.submitted(target="mac", created_by="bob")
    await api.claimed()
    await api.completed()

    answer = await api.ask("GET", f"/api/tasks?{query}")

    assert sorted(task["id"] for task in answer.body["tasks"]) == expected


async def test_a_task_is_changed_field_by_field(api: ApiDriver):
    """What is left out stays; null clears."""
    other = await api.submitted()
    task = await api.submitted(project="web", target="pi", not_before="2026-12-01T00:00:00Z")
    path = f"/api/tasks/{task['id']}"
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"description": "Feed the cat"}, {"description": "Feed the cat"}),
        ({"priority": "urgent"}, {"priority": "urgent"}),
        ({"project": None, "target": None}, {"project": None, "target": None}),
        ({"not_before": None}, {"not_before": None, "readiness": "ready"}),
        (
            {"depends_on": [other["id"]]},
            {"depends_on": [other["id"]], "blocked_by": [other["id"]], "readiness": "blocked"},
        ),
        ({"max_attempts": 1}, {"max_attempts": 1}),
        ({"metadata": {"a": 1}}, {"metadata": {"a": 1}}),
    ]
    for body, difference in changes:
        answer = await api.ask("PATCH", path, body)
        assert answer.status == 200
        assert answer.body == {**task, **difference}
        task = answer.body


@pytest.mark.parametrize(
    "name", ["description", "priority", "depends_on", "max_attempts", "metadata"]
)
async def test_what_a_task_must_have_cannot_be_cleared(api: ApiDriver, name: str):
    """422 for null."""
    await api.submitted()

    assert (await api.ask("PATCH", "/api/tasks/1", {name: None})).code == "validation_error"


async def test_a_cycle_of_dependencies_is_refused(api: ApiDriver):
    """A task would wait for itself."""
    first = await api.submitted()
    second = await api.submitted(depends_on=[first["id"]])

    answer = await api.ask("PATCH", f"/api/tasks/{first['id']}", {"depends_on": [second["id"]]})

    assert answer.status == 422
    assert answer.body["errors"][0]["field"] == "depends_on"


@pytest.mark.parametrize(
    ("method", "verb", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("GET", "/why", None),
        ("GET", "/result", None),
        ("GET", "/events", None),
        ("POST", "/cancel", None),
        ("POST", "/retry", None),
        ("POST", "/claim", {"instance": "pi"}),
        ("PUT", "/status", {"instance": "pi"}),
        ("POST", "/complete", {"instance": "pi"}),
        ("POST", "/fail", {"instance": "pi", "error": "no"}),
        ("POST", "/release", {"instance": "pi"}),
        ("POST", "/park", {"instance": "pi", "until": "2026-12-01T00:00:00Z"}),
        ("POST", "/heartbeat", {"instance": "pi"}),
    ],
)
async def test_a_task_that_is_not_there_is_404(
    api: ApiDriver, method: str, verb: str, body: object
):
    """So is whatever is no positive integer."""
    wrong = (
        "7",
        "0",
        "-1",
        "x",
        "1.0",
        "%31",
        "+1",
        "01",
        "９",
        "9223372036854775808",
        "1" * 40,
    )
    for task_id in wrong:
        answer = await api.ask(method, f"/api/tasks/{task_id}{verb}", body)
        assert (answer.status, answer.code) == (404, "task_not_found"), task_id


async def test_claims_are_refused_by_the_first_closed_gate(api: ApiDriver):
    """409, each reason with its code."""

    async def claim(task: dict[str, Any]) -> str:
        return (await api.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": "pi"})).code

    first = await api.submitted(lane="a")
    assert await claim(await api.claimed("mac")) == "already_claimed"
    assert await claim(await api.submitted(depends_on=[first["id"]])) == "task_blocked"
    assert await claim(await api.submitted(lane="a")) == "lane_busy"
    assert await claim(await api.submitted(target="mac")) == "wrong_target"
    assert await claim(await api.completed()) == "invalid_transition"
    assert await claim(await api.submitted(not_before="2026-12-01T00:00:00Z")) == "scheduled"
    parked = await api.claimed()
    body = {"instance": "pi", "until": "2026-12-01T00:00:00Z"}
    assert (await api.ask("POST", f"/api/tasks/{parked['id']}/park", body)).status == 200
    assert await claim(parked) == "parked"
    paused = await api.submitted(project="web")
    await api.ask("POST", "/api/pause", {"project": "web"})
    assert await claim(paused) == "paused"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"status": "in_progress", "phase": "working"}),
        ({"status": "running", "phase": "testing"}, {"phase": "testing"}),
        (
            {"status": "in_progress", "progress": {"percent": 40.0, "message": "half"}},
            {"progress": {"percent": 40, "message": "half"}},
        ),
        ({"notes": "so far"}, {"notes": "so far", "status": "in_progress"}),
        ({"status": "pending"}, {"status": "pending", "claimed_by": None, "failures": 0}),
        ({"status": "completed", "notes": "done"}, {"status": "completed", "notes": "done"}),
        ({"status": "failed", "notes": "no"}, {"status": "pending", "error": "no", "failures": 1}),
        ({"status": "failed"}, {"status": "pending", "failures": 1}),
        ({"status": "cancelled"}, {"status": "cancelled"}),
    ],
)
async def test_status_is_reported(api: ApiDriver, body: dict[str, Any], expected: dict[str, Any]):
    """Progress, release, or an end, by the holder."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}/status"

    answer = await api.ask("PUT", path, {"instance": "pi", "attempt": 1, **body})

    assert answer.status == 200
    assert answer.body == {**answer.body, **expected}


@pytest.mark.parametrize("status", ["pending", "cancelled"])
async def test_last_words_are_kept(api: ApiDriver, status: str):
    """Notes and progress that come with giving a task up are not lost."""
    task = await api.claimed()
    said = {"instance": "pi", "status": status, "notes": "why", "progress": {"percent": 90}}

    answer = await api.ask("PUT", f"/api/tasks/{task['id']}/status", said)

    assert answer.body["notes"] == "why"
    assert answer.body["progress"] == {"percent": 90, "message": None}


@pytest.mark.parametrize("status", ["pending", "completed", "failed", "cancelled", "running"])
async def test_only_the_holder_reports(api: ApiDriver, status: str):
    """Another instance, or an attempt that is out of date, changes nothing."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}/status"

    for wrong in ({"instance": "mac"}, {"instance": "pi", "attempt": 10**30}):
        answer = await api.ask("PUT", path, {"status": status, "notes": "x", **wrong})
        assert (answer.status, answer.code) == (409, "not_holder")

    assert (await api.ask("GET", f"/api/tasks/{task['id']}")).body == task


async def test_completing_twice_is_completing_once(api: ApiDriver):
    """200 for the same attempt, and no second event."""
    task = await api.completed(notes="done", result={"success": True, "commit": "abc"})
    path = f"/api/tasks/{task['id']}"

    again = await api.ask("POST", f"{path}/complete", {"instance": "pi", "attempt": 1})

    assert (again.status, again.body) == (200, task)
    events = (await api.ask("GET", f"{path}/events")).body["events"]
    assert [event["type"] for event in events] == [
        "task.submitted",
        "task.claimed",
        "task.completed",
    ]


async def test_a_completed_task_has_no_failed_result(api: ApiDriver):
    """`success` false is 422, and the task goes on."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}/complete"

    wrong: list[object] = [False, "yes", 1, None, []]
    for success in wrong:
        body = {"instance": "pi", "result": {"success": success}}
        assert (await api.ask("POST", path, body)).code == "validation_error"

    assert await api.status_of(task) == "in_progress"


async def test_a_failed_attempt_is_tried_again(api: ApiDriver):
    """Later; with `retry` false not at all."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}"

    failed = await api.ask("POST", f"{path}/fail", {"instance": "pi", "error": "no network"})

    assert failed.body["status"] == "pending"
    assert failed.body["not_before"] == "2026-11-21T20:00:30.000Z"
    await api.ask("PATCH", path, {"not_before": None})
    await api.ask("POST", f"{path}/claim", {"instance": "pi"})
    body = {"instance": "pi", "error": "no way", "retry": False, "result": {"success": False}}
    ended = await api.ask("POST", f"{path}/fail", body)
    assert ended.body["status"] == "failed"
    assert ended.body["result"] == {"success": False}
    retried = await api.ask("POST", f"{path}/retry")
    assert retried.body == {**retried.body, "status": "pending", "failures": 0, "error": None}


async def test_leases_have_the_length_asked_for(api: ApiDriver):
    """From 1 s to 24 h; renewing writes no event."""
    task = await api.submitted()
    path = f"/api/tasks/{task['id']}"

    claimed = await api.ask("POST", f"{path}/claim", {"instance": "pi", "lease_seconds": 90})
    renewed = await api.ask("POST", f"{path}/heartbeat", {"instance": "pi", "lease_seconds": 1.5})

    assert claimed.body["lease_expires_at"] == "2026-11-21T20:01:30.000Z"
    assert renewed.body["lease_expires_at"] == "2026-11-21T20:00:01.500Z"
    assert len((await api.ask("GET", f"{path}/events")).body["events"]) == 2
    for seconds in (0.5, 86_401, "90", True):
        body = {"instance": "pi", "lease_seconds": seconds}
        assert (await api.ask("POST", f"{path}/claim", body)).code == "validation_error"


async def test_a_task_is_released_and_parked(api: ApiDriver):
    """Given back without a failure; the session is kept with a parked one."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}"

    released = await api.ask("POST", f"{path}/release", {"instance": "pi", "notes": "not now"})

    assert released.body == {**released.body, "status": "pending", "notes": "not now"}
    await api.ask("POST", f"{path}/claim", {"instance": "pi"})
    body = {"instance": "pi", "until": "2026-11-21T21:00:00Z", "session_id": "s-1"}
    parked = await api.ask("POST", f"{path}/park", body)
    assert parked.body == {**parked.body, "readiness": "parked", "session_id": "s-1", "failures": 0}
    why = (await api.ask("GET", f"{path}/why")).body
    assert why["readiness"] == "parked"
    assert why["reasons"][0]["code"] == "parked_until"
    for unknown in ({"question": 1}, {"until": None}):
        answer = await api.ask("POST", f"{path}/park", {**body, **unknown})
        assert answer.code == "validation_error"


async def test_why_a_task_is_not_running(api: ApiDriver):
    """Its place in the queue, and each reason; nothing for one that is not pending."""
    await api.submitted(priority="urgent")
    await api.submitted(project="web", not_before="2026-12-01T00:00:00Z")
    await api.ask("POST", "/api/pause")

    why = (await api.ask("GET", "/api/tasks/2/why")).body

    assert (why["readiness"], why["position"]) == ("scheduled", 2)
    codes = {reason["code"] for reason in why["reasons"]}
    assert codes == {"paused", "scheduled", "no_instance_serves"}
    assert all(reason["detail"] for reason in why["reasons"])
    done = await api.ask("POST", "/api/tasks/1/cancel")
    assert done.body["status"] == "cancelled"
    ended = (await api.ask("GET", "/api/tasks/1/why")).body
    assert ended == {"readiness": None, "position": None, "reasons": []}


async def test_results(api: ApiDriver):
    """204 before the end; what was reported after it, or what the status tells."""
    running = await api.claimed()
    reported = await api.completed(result={"success": True, "total_cost_usd": 0.5, "extra": [1]})
    plain = await api.completed(notes="watered")

    async def result(task: dict[str, Any]) -> Any:
        answer = await api.ask("GET", f"/api/tasks/{task['id']}/result")
        return answer.body if answer.status == 200 else answer.status

    assert await result(running) == 204
    assert await result(reported) == {"success": True, "total_cost_usd": 0.5, "extra": [1]}
    assert (await result(plain))["success"] is True
    assert (await result(plain))["output"] == "watered"


async def test_tasks_are_removed(api: ApiDriver):
    """Not while in progress, and not while others depend on them; their events stay."""
    first = await api.submitted()
    second = await api.submitted(depends_on=[first["id"]])
    running = await api.claimed()

    assert (await api.ask("DELETE", f"/api/tasks/{first['id']}")).code == "has_dependents"
    assert (await api.ask("DELETE", f"/api/tasks/{running['id']}")).code == "invalid_transition"
    gone = await api.ask("DELETE", f"/api/tasks/{second['id']}")

    assert (gone.status, gone.content) == (204, b"")
    assert (await api.ask("GET", f"/api/tasks/{second['id']}")).code == "task_not_found"
    events = (await api.ask("GET", f"/api/tasks/{second['id']}/events")).body["events"]
    assert events[-1]["type"] == "task.deleted"


async def test_ended_tasks_are_purged(api: ApiDriver):
    """Of the statuses named, that ended before a time which must be named."""
    done, cancelled = await api.completed(), await api.submitted()
    await api.ask("POST", f"/api/tasks/{cancelled['id']}/cancel")
    api.clock.advance(timedelta(days=1))
    later = await api.completed()

    for wrong in ("", "?before=yesterday", "?status=pending&before=2026-11-22T00:00:00Z"):
        assert (await api.ask("DELETE", f"/api/tasks{wrong}")).code == "validation_error"
    path = "/api/tasks?status=completed&before=2026-11-22T01:00:00+01:00"
    first = await api.ask("DELETE", path)
    second = await api.ask("DELETE", "/api/tasks?before=2026-11-22T00:00:00Z")

    assert [answer.status for answer in (first, second)] == [204, 204]
    assert [answer.headers["X-Deleted-Count"] for answer in (first, second)] == ["1", "1"]
    listed = (await api.ask("GET", "/api/tasks?status=all")).body["tasks"]
    assert [task["id"] for task in listed] == [later["id"]]
    assert done["id"] not in {task["id"] for task in listed}


async def test_the_history_comes_in_pages(api: ApiDriver):
    """Oldest first, with who did what."""
    task = await api.completed()
    path = f"/api/tasks/{task['id']}/events"

    first = (await api.ask("GET", f"{path}?limit=2")).body
    rest = (await api.ask("GET", f"{path}?limit=2&cursor={first['next_cursor']}")).body

    assert [e["type"] for e in first["events"]] == ["task.submitted", "task.claimed"]
    assert [e["type"] for e in rest["events"]] == ["task.completed"]
    assert rest["next_cursor"] is None
    event = first["events"][1]
    assert set(event) == {"id", "type", "task_id", "at", "actor", "data"}
    assert event["task_id"] == task["id"]
    assert event["actor"] == {"kind": "key", "name": "admin"}
    assert event["data"]["instance"] == "pi"


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/1/events"])
@pytest.mark.parametrize("cursor", ["x", "1-2", "a-b-c", "9-1-1", "9" * 25, "1 2", ""])
async def test_foreign_cursors_are_refused(api: ApiDriver, path: str, cursor: str):
    """422, whatever they are."""
    await api.submitted()

    answer = await api.ask("GET", f"{path}?cursor={cursor}")

    assert (answer.status, answer.code) == (422, "validation_error")
