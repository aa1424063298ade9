"""What is not taken, and how that is said: 422, the field by name, and nothing of what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.driver import ADMIN, ApiDriver

CANARY = "canary4711"

SUBMISSION: dict[str, Any] = {"description": "Water the plants"}


async def refusal(api: ApiDriver, method: str, path: str, content: bytes) -> Any:
    answer = await api.ask(method, path, content=content)
    assert (answer.status, answer.code) == (422, "validation_error"), content
    assert CANARY.encode() not in answer.content
    return answer.body


def fields_of(problem: Any) -> set[str]:
    assert all(set(wrong) == {"field", "message"} for wrong in problem["errors"])
    assert all(wrong["message"] for wrong in problem["errors"])
    return {wrong["field"] for wrong in problem["errors"]}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"{'description': 'canary4711'}",
        b'{"description": "canary4711",}',
        b'{"description": NaN}',
        b'{"description": "x", "metadata": {"a": Infinity}}',
        b'{"description": "x", "metadata": {"a": 1e999}}',
        b'{"description": "\xff\xfe canary4711"}',
        b'{"description": "canary4711 \\ud800"}',
        b'{"description": "x", "metadata": {"\\udc00": 1}}',
        b'{"description": "x"} canary4711',
        b'\xef\xbb\xbf{"description": "x"}',
        '{"description": "x"}'.encode("utf-16"),
        b'{"description": "a\x00b"}',
        b'{"description": "a\nb"}',
        b"[" * 100_000,
        b'{"description":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        b'{"description": "x", "metadata": {"a":' + b"[" * 70 + b"]" * 70 + b"}}",
        b'{"description": "canary4711", "description": "y"}',
        b'{"description": "x", "metadata": {"a": 1, "b": {"c": 1, "c": 2}}}',
        b'{"description": "x", "metadata": {"a": "\\\\", "a": 1}}',
        b'{"description": "x", "metadata": {"a": ' + b"9" * 5_000 + b"}}",
    ],
)
async def test_what_is_not_plain_json_is_refused(api: ApiDriver, content: bytes):
    """Broken, ambiguous, or too deep."""
    problem = await refusal(api, "POST", "/api/tasks", content)

    assert problem["detail"]


@pytest.mark.parametrize("content", [b"[]", b"1", b'"canary4711"', b"null", b"true", b"[{}]"])
async def test_a_body_is_an_object(api: ApiDriver, content: bytes):
    """And nothing else."""
    assert fields_of(await refusal(api, "POST", "/api/tasks", content)) == {"body"}


async def test_an_empty_body_is_an_empty_object(api: ApiDriver):
    """With nothing to say, nothing needs to be sent; but no field is taken where there is none."""
    task = await api.submitted()
    assert (await api.ask("POST", "/api/pause")).status == 200
    assert (await api.ask("POST", "/api/resume", {})).status == 200
    assert (await api.ask("POST", f"/api/tasks/{task['id']}/cancel")).status == 200
    assert (await api.ask("POST", f"/api/tasks/{task['id']}/retry", {})).status == 200

    problem = await refusal(api, "POST", f"/api/tasks/{task['id']}/cancel", b'{"canary4711": 1}')

    assert fields_of(problem) == {"body"}
    assert fields_of(await refusal(api, "POST", "/api/tasks", b"")) == {"description"}


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("description", ["", " \n\t", "x" * 20_001, 5, True, None, [], {}, "a\x00b"]),
        ("priority", ["canary4711", "HIGH", "", 1, [], {}]),
        ("project", ["", "a b", "-a", ".a", "ü", "a\n", "x" * 65, "a/b", 1, "a\x00"]),
        ("target", ["", "a b", 1]),
        ("lane", ["", "a b", 1]),
        (
            "not_before",
            [
                "2026-11-21T20:00:00",
                "2026-11-21",
                "tomorrow canary4711",
                "2026-13-01T00:00:00Z",
                "2026-02-30T00:00:00Z",
                "10000-01-01T00:00:00Z",
                "-001-01-01T00:00:00Z",
                "0001-01-01T00:00:00+23:59",
                "9999-12-31T23:59:59-23:59",
                "2026-11-21T20:00:00Z" + " " * 100,
                1_800_000_000,
                1.5,
                True,
                {},
            ],
        ),
        ("depends_on", [1, "1", [0], [-1], ["1"], [1.5], [True], [None], [2**63], [7], [1] * 101]),
        ("max_attempts", [0, -1, 1_001, 1.5, "3", True, 2**63, 10**30]),
        ("metadata", [[], "x", 1, True, {"a": "x" * 17_000}, {"a": 2**64}, {"a": "\x00"}]),
        ("metadata", [{"\x00": 1}, {"a": [{"b": "\x00"}]}, {"a": -(2**63) - 1}]),
        ("continues", ["x" * 129, 1, "a\x00"]),
        ("created_by", ["x" * 129, 1, "a\x00"]),
        ("body", [1]),
    ],
)
async def test_fields_of_a_submission(api: ApiDriver, field: str, values: list[object]):
    """Each is checked strictly, and named."""
    for value in values:
        body = {**SUBMISSION, (field if field != "body" else CANARY): value}
        problem = await refusal(api, "POST", "/api/tasks", json.dumps(body).encode())

        places = {place.partition(".")[0] for place in fields_of(problem)}
        assert places == {field}, value

    assert (await api.ask("GET", "/api/tasks")).body["tasks"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "x" * 20_000},
        {"description": "🚀" * 20_000},
        {"description": " \u2028 <b>&amp;\u202e\x7f\x01 "},
        {"max_attempts": 6.0},
        {"metadata": {"a": "x" * 16_300}},
        {"metadata": {"a": [[[[{"b": None}]]]], "": 0, "c": -(2**63), "d": 1e300, "e": 0.1}},
        {"metadata": {'q"u\\o': '\\u0000 is not a NUL " nor is \\'}},
        {"not_before": "2026-11-21 20:00:00+01:00"},
        {"not_before": "2026-11-21t20:00:00z"},
        {"not_before": "1900-01-01T00:00:00Z"},
    ],
)
async def test_what_is_taken_comes_back_unchanged(api: ApiDriver, fields: dict[str, Any]):
    """At the very bounds, too."""
    task = await api.submitted(**fields)

    listed = (await api.ask("GET", "/api/tasks")).body["tasks"][0]
    assert listed == task
    kept = {name: value for name, value in fields.items() if name != "not_before"}
    assert {name: task[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=canary4711", "limit"),
        ("limit=5&limit=6", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=" + "1" * 30, "limit"),
        ("status=canary4711", "status.0"),
        ("status=", "status"),
        ("status=all,canary4711", "status.0"),
        ("project=a%20b", "project"),
        ("project=%00", "project"),
        ("q=%00", "q"),
        ("q=" + "x" * 2_001, "q"),
        ("priority=canary4711", "priority"),
        ("canary4711=1", "body"),
        ("canary4711=%00", "query"),
        ("created_by=" + "x" * 129, "created_by"),
    ],
)
async def test_queries_are_checked(api: ApiDriver, query: str, field: str):
    """Unknown parameters too: a misspelt filter would show everything."""
    problem = await refusal(api, "GET", f"/api/tasks?{query}", b"")

    assert field in fields_of(problem)


@pytest.mark.parametrize("path", ["/api/tasks/1/result?wait=61", "/api/tasks/1/result?wait=-1"])
async def test_waits_are_bounded(api: ApiDriver, path: str):
    """A minute is the most."""
    assert fields_of(await refusal(api, "GET", path, b"")) == {"wait"}
    body = b'{"instance": "pi", "wait": 60.5}'
    assert fields_of(await refusal(api, "POST", "/api/claim", body)) == {"wait"}


async def test_places_in_lists_and_objects_are_named(api: ApiDriver):
    """`progress.percent`, `tasks.1.id`."""
    progress = b'{"instance": "pi", "progress": {"percent": 101, "canary4711": 1}}'
    beat = b'{"instance": "pi", "tasks": [{"id": 1}, {"id": true}]}'

    first = await refusal(api, "PUT", "/api/tasks/1/status", progress)
    second = await refusal(api, "POST", "/api/instance/heartbeat", beat)

    assert fields_of(first) == {"progress.percent", "progress"}
    assert fields_of(second) == {"tasks.1.id"}


async def test_few_faults_are_listed(api: ApiDriver):
    """Hundreds of wrong items are told of by the first ones."""
    tasks = [{"id": "x"}] * 500

    body = json.dumps({"instance": "pi", "tasks": tasks}).encode()

    assert len((await refusal(api, "POST", "/api/instance/heartbeat", body))["errors"]) == 20


async def test_health_of_an_instance_is_bounded(api: ApiDriver):
    """It is shown with every list of instances."""
    body = json.dumps({"instance": "pi", "health": {"message": "x" * 5_000}}).encode()

    assert fields_of(await refusal(api, "POST", "/api/instance/heartbeat", body)) == {"health"}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["read"]},
        {"name": " ", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": "read"},
        {"name": "x", "scopes": ["read"], "instance": "a b"},
        {"name": "x", "scopes": ["read"], "expires_at": "2026-12-01"},
        {"name": "a\x00", "scopes": ["read"]},
        {"scopes": ["read"]},
    ],
)
async def test_keys_are_checked(api: ApiDriver, body: dict[str, Any]):
    """Nothing is made of half a key."""
    await refusal(api, "POST", "/api/keys", json.dumps(body).encode())

    assert len((await api.ask("GET", "/api/keys", key=ADMIN)).body["keys"]) == 1
