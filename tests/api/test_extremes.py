"""What a strictly typed database cannot hold is refused by us, in every place where it is sent.

SQLite takes nearly everything for a number or a text; PostgreSQL has INTEGER and BIGINT, and no
text with a NUL. A value that gets as far as a statement would be a bug of ours there: a 500.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yarl

from athena.api.endpoint import Endpoint, load_endpoints
from tests.api.driver import ADMIN, ApiDriver

pytestmark = pytest.mark.slow

# Around the bounds of 32 and 64 bits, and beyond both; texts that are no UTF-8 or have a NUL.
NUMBERS = (-(2**31) - 1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**40, 1e18, 1e300)
TEXTS = ("\x00", "a\x00b", "\ud800", "\uffff", "🚀" * 20_000)
IN_PATHS = (str(2**31), str(2**63 - 1), str(2**63), "9" * 40, "%00", "1%00", "%ed%a0%80", "%ff")
IN_QUERIES = (
    *IN_PATHS,
    "-1",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    *(
        f"{part}-{key}-{id_}"
        for part in (0, 1, 2)
        for key in (2**31, "9" * 17)
        for id_ in (1, 2**62)
    ),
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in load_endpoints()}
TIME = "2027-01-01T00:00:00Z"
WHO: dict[str, Any] = {"instance": "pi", "attempt": 1}
TASK: dict[str, Any] = {
    "description": "x",
    "priority": "low",
    "project": "p",
    "target": "pi",
    "not_before": TIME,
    "max_attempts": 3,
    "metadata": {"a": 1},
}
# For each body one that is taken, with every field in it.
BODIES: dict[str, dict[str, Any]] = {
    "submit_task": {
        **TASK,
        "depends_on": [1],
        "lane": "l",
        "continues": "s",
        "created_by": "b",
    },
    "change_task": {**TASK, "depends_on": []},
    "claim_next_task": {
        "instance": "pi",
        "labels": ["a"],
        "projects": ["p"],
        "lease_seconds": 5,
        "wait": 0,
        "finish": {"id": 1, "attempt": 1, "notes": "n", "result": {"success": True}},
    },
    "claim_task": {"instance": "pi", "lease_seconds": 5},
    "renew_task": {**WHO, "lease_seconds": 5},
    "report_status": {
        **WHO,
        "status": "in_progress",
        "phase": "working",
        "notes": "n",
        "progress": {"percent": 5, "message": "m"},
        "session_id": "s",
    },
    "append_to_log": {
        **WHO,
        "first": 0,
        "lines": [{"kind": "text", "text": "t"}, {"at": TIME, "kind": "git", "text": ""}],
    },
    "complete_task": {
        **WHO,
        "notes": "n",
        "result": {"success": True, "cost_usd": 1, "duration_ms": 1, "num_turns": 1, "a": [1]},
    },
    "fail_task": {**WHO, "error": "e", "retry": True, "result": {"retry_after_seconds": 1}},
    "release_task": {**WHO, "notes": "n"},
    "park_task": {**WHO, "until": TIME, "question": None, "session_id": "s", "notes": "n"},
    "ask_question": {
        **WHO,
        "kind": "approval",
        "text": "t",
        "choices": None,
        "action": {"tool": "Bash", "input": {"command": "ls", "n": [1]}},
        "key": "k",
    },
    "answer_question": {"answer": "a", "note": "n", "answered_by": "b"},
    "withdraw_question": {"instance": "pi"},
    "send_message": {"text": "t", "created_by": "b"},
    "beat": {
        "instance": "pi",
        "name": "n",
        "host": "h",
        "platform": "p",
        "version": "v",
        "labels": ["a"],
        "projects": ["p"],
        "slots": 1,
        "health": {"a": 1},
        "tasks": [{"id": 1, "attempt": 1}],
    },
    "create_key": {"name": "n", "scopes": ["read"], "instance": "pi", "expires_at": TIME},
    "pause_queue": {"project": "p", "instance": "pi"},
    "resume_queue": {"project": "p", "instance": "pi"},
    "cancel_task": {},
    "retry_task": {},
}
ON_HELD = {
    "renew_task",
    "report_status",
    "complete_task",
    "fail_task",
    "release_task",
    "park_task",
    "ask_question",
    "append_to_log",
}


def spoilt(value: Any) -> Iterator[Any]:
    """The value with one of its parts, or a name in it, replaced by something extreme."""
    match value:
        case dict():
            for name in value:
                yield from ({**value, name: other} for other in spoilt(value[name]))
            yield from ({**value, name: 1} for name in TEXTS)
        case list():
            for number, item in enumerate(value):
                yield from ([*value[:number], o, *value[number + 1 :]] for o in spoilt(item))
        case _:
            yield from (*NUMBERS, *TEXTS)


async def path_for(api: ApiDriver, endpoint: Endpoint) -> str:
    """With a task or a question that the request may be about."""
    if "{id}" not in endpoint.path:
        return endpoint.path
    if endpoint.path.startswith("/api/questions/"):
        thing = await api.asked()
    elif endpoint.name in ON_HELD:
        thing = await api.claimed()
    else:
        thing = await api.submitted()
    return endpoint.path.replace("{id}", str(thing["id"]))


async def status_of(api: ApiDriver, method: str, path: str) -> int:
    """Of a request whose path is sent as it is."""
    url, headers = yarl.URL(api.url + path, encoded=True), {"X-API-Key": ADMIN}
    headers["Accept"] = "application/json"
    async with api.session.request(method, url, headers=headers) as response:
        await response.read()
        return response.status


def test_every_body_is_tried():
    """A new endpoint or a new field is not forgotten here."""
    fields = {name: set(e.body.model_fields) for name, e in ENDPOINTS.items() if e.body is not None}

    assert {name: set(body) for name, body in BODIES.items()} == fields


@pytest.mark.parametrize("name", BODIES)
async def test_extremes_in_bodies(api: ApiDriver, name: str):
    """As it stands each body is taken; whatever is put in its place, nothing is a bug of ours."""
    endpoint = ENDPOINTS[name]
    await api.claimed()
    taken = await api.ask(endpoint.method, await path_for(api, endpoint), BODIES[name])
    assert taken.status < 300 or name == "retry_task", taken

    for body in spoilt(BODIES[name]):
        path = await path_for(api, endpoint)
        answer = await api.ask(endpoint.method, path, content=json.dumps(body).encode())
        assert answer.status < 500, (path, body)


@pytest.mark.parametrize("name", ENDPOINTS)
async def test_extremes_in_paths_and_queries(api: ApiDriver, name: str):
    """Ids, cursors, positions, limits, times and texts."""
    endpoint = ENDPOINTS[name]
    await api.claimed()
    await api.submitted()
    paths = [endpoint.path.replace("{id}", value) for value in IN_PATHS if "{id}" in endpoint.path]
    for field in endpoint.query.model_fields if endpoint.query else ():
        needed = {"show_next_task": "&instance=pi", "purge_tasks": f"&before={TIME}"}.get(name, "")
        further = "" if f"&{field}=" in needed else needed
        path = endpoint.path.replace("{id}", "1")
        paths += [f"{path}?{field}={value}{further}" for value in IN_QUERIES]

    for path in paths:
        assert await status_of(api, endpoint.method, path) < 500, path


@pytest.mark.parametrize("position", [*IN_PATHS, "-1"])
async def test_extremes_in_positions(api: ApiDriver, position: str):
    """Also where a header says where to go on."""
    headers = {"Last-Event-ID": position, "Accept": "application/json"}

    answer = await api.ask("GET", "/api/events", headers=headers)

    assert answer.status < 500
