"""Sessions over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from athena.model.key import Scope
from tests.api.driver import ApiDriver

NOW = "2026-11-21T20:00:00.000Z"
UUID = "0d7c9c1c-98b5-4a1b-9d0a-3a1f5f0b6c11"


async def done_in(api: ApiDriver, session: str, **result: Any) -> dict[str, Any]:
    told = {"session_id": session, "total_cost_usd": 0.25, "num_turns": 4, **result}
    return await api.completed(result=told)


async def test_session_is_shown(api: ApiDriver):
    """With the sums of its tasks, and the tasks themselves."""
    first = await done_in(api, UUID)
    second = await api.submitted(continues=UUID)

    session = {
        "id": UUID,
        "project": None,
        "instance": "pi",
        "first_at": NOW,
        "last_at": NOW,
        "tasks": 2,
        "cost_usd": 0.25,
        "turns": 4,
        "last_task": second["id"],
    }
    assert (await api.ask("GET", f"/api/sessions/{UUID}")).body == session
    listed = await api.ask("GET", "/api/sessions")
    assert listed.body == {"sessions": [session], "next_cursor": None}
    tasks = await api.ask("GET", f"/api/sessions/{UUID}/tasks")
    assert [task["id"] for task in tasks.body["tasks"]] == [first["id"], second["id"]]
    assert tasks.body["next_cursor"] is None


async def test_status_names_the_session(api: ApiDriver):
    """While the task runs; also with what gives it back or up, but not beside a result."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}/status"

    async def put(**said: Any) -> Any:
        return await api.ask("PUT", path, {"instance": "pi", **said})

    assert (await put(session_id="s1")).body["session_id"] == "s1"
    assert (await put(phase="testing")).body["session_id"] == "s1"
    for status in ("completed", "failed"):
        assert (await put(status=status, session_id="s2")).code == "validation_error"
    assert (await put(status="pending", session_id="s2")).body["session_id"] == "s2"
    assert (await api.ask("GET", "/api/sessions/s1")).status == 200
    await api.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": "pi"})
    assert (await put(status="cancelled", session_id="s3")).body["session_id"] == "s3"
    wrong = await put(session_id="x" * 129)
    assert wrong.code == "validation_error"


@pytest.mark.parametrize("name", ["a b", "a/b", "%2F", "ü👋", "s?x=1", "#", "1", "a%00b"])
async def test_name_is_any_text(api: ApiDriver, name: str):
    """As its client sends it, escaped."""
    await done_in(api, name)

    answer = await api.ask("GET", f"/api/sessions/{quote(name, safe='')}/tasks")

    assert answer.status == 200, answer
    assert len(answer.body["tasks"]) == 1


@pytest.mark.parametrize(
    "name", ["x", "0", "x" * 200, "%00", "%ff", "%ed%a0%80", "%", "a%2Fb", "%E2%80%AE"]
)
@pytest.mark.parametrize("more", ["", "/tasks"])
async def test_unknown_session_is_404(api: ApiDriver, name: str, more: str):
    """Whatever it is called."""
    answer = await api.ask("GET", f"/api/sessions/{name}{more}")

    assert (answer.status, answer.code) == (404, "session_not_found")


async def test_pages_of_sessions(api: ApiDriver):
    """By cursors of plain characters; a foreign one is refused."""
    for number in range(5):
        await done_in(api, f"s{number}")

    first = (await api.ask("GET", "/api/sessions?limit=3")).body
    second = (await api.ask("GET", f"/api/sessions?limit=3&cursor={first['next_cursor']}")).body

    names = [session["id"] for session in first["sessions"] + second["sessions"]]
    assert names == ["s4", "s3", "s2", "s1", "s0"]
    assert second["next_cursor"] is None
    assert (await api.ask("GET", "/api/sessions?cursor=x")).code == "validation_error"
    assert (await api.ask("GET", "/api/sessions/s1/tasks?cursor=x")).code == "validation_error"
    assert (await api.ask("GET", "/api/sessions?project=a")).body["sessions"] == []


async def test_sessions_want_read(api: ApiDriver):
    """No other scope."""
    work = await api.key_for(Scope.WORK)

    for path in ("", "/x", "/x/tasks"):
        assert (await api.ask("GET", f"/api/sessions{path}", key=work)).code == "forbidden"
        assert (await api.ask("GET", f"/api/sessions{path}", key=None)).code == "unauthorized"
