"""Which answers are Athena's, and which calls may be sent twice."""

import json

import pytest

from claude_task_client.errors import (
    Conflict,
    Denied,
    Invalid,
    NotAthena,
    NotFound,
    NotSent,
    Refused,
    TooMany,
    Unavailable,
    Unreachable,
)
from claude_task_client.transport import Call, read_answer, worth_another_try

URL = "http://athena"
JSON = {"content-type": "application/json; charset=utf-8"}
PROBLEM = {"content-type": "application/problem+json"}


def answer(status, headers, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(URL, status, headers, content)


def test_json_is_athenas_and_no_content_has_no_body():
    assert answer(200, JSON, {"id": 5}).body == {"id": 5}
    assert answer(204, {}, b"").body is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (409, Conflict),
        (413, Invalid),
        (422, Invalid),
        (429, TooMany),
        (500, Refused),
        (503, Unavailable),
    ],
)
def test_a_problem_document_is_a_refusal_with_its_code(status, kind):
    problem = {
        "title": "No",
        "detail": "Not so.",
        "code": "some_code",
        "errors": [{"field": "priority", "message": "unknown"}],
    }

    with pytest.raises(Refused) as refused:
        answer(status, PROBLEM | {"retry-after": "7"}, problem)

    assert type(refused.value) is kind
    assert refused.value.code == "some_code"
    assert refused.value.retry_after_seconds == 7
    assert str(refused.value) == "Not so.\n  priority: unknown"


def test_a_field_is_listed_only_where_the_reason_does_not_name_it():
    problem = {
        "detail": "priority: unknown",
        "code": "validation_error",
        "errors": [
            {"field": "priority", "message": "unknown"},
            {"field": "lane", "message": "too long"},
        ],
    }

    with pytest.raises(Invalid) as refused:
        answer(422, PROBLEM, problem)

    assert str(refused.value) == "priority: unknown\n  lane: too long"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>"),
        (200, {"content-type": "text/html"}, b"<h1>Sign in to the WiFi</h1>"),
        (200, {}, b"{}"),
        (200, JSON, b"{half"),
        (200, JSON, [1, 2]),
        (404, JSON, {"error": "no such app"}),
        (302, {"location": "https://elsewhere/"}, b""),
    ],
)
def test_anything_else_is_somebody_elses(status, headers, body):
    """A proxy's maintenance page, a captive portal, another service: not reachable."""
    with pytest.raises(NotAthena):
        answer(status, headers, body)


LOST = Unreachable("gone")


@pytest.mark.parametrize(
    ("call", "again"),
    [
        (Call("GET", "/api/tasks"), True),
        (Call("POST", "/api/tasks", idempotency_key="k"), True),
        (Call("POST", "/api/tasks/5/complete", body={"attempt": 1}, repeatable=True), True),
        (Call("POST", "/api/tasks/5/cancel"), False),
    ],
)
def test_a_lost_answer_is_asked_for_again_only_where_that_changes_nothing(call, again):
    assert worth_another_try(call)(LOST) is again
    assert worth_another_try(call)(NotSent("nobody listens")) is True


def test_what_athena_did_not_do_may_always_be_asked_again_when_it_says():
    decide = worth_another_try(Call("POST", "/api/tasks/5/cancel"))

    assert decide(TooMany("", status=429, code="rate_limited", retry_after_seconds=4)) == 4
    assert decide(TooMany("", status=429, code="rate_limited", retry_after_seconds=900)) == 30
    assert decide(Unavailable("", status=503, code="unavailable")) is True
    assert decide(Conflict("", status=409, code="already_claimed")) is False
