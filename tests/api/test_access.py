"""Who may do what: keys, scopes, bindings, and the order in which they are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from athena.api.endpoint import Endpoint, load_endpoints
from athena.model.event import SYSTEM
from athena.model.key import Scope
from tests.api.driver import ADMIN, ApiDriver

ENDPOINTS = load_endpoints()
KEYED = [endpoint for endpoint in ENDPOINTS if endpoint.scope is not None]
PUBLIC = {"/health", "/ready", "/openapi.json", "/docs"}


def name_of(endpoint: Endpoint) -> str:
    return endpoint.name


def with_ids(endpoint: Endpoint) -> str:
    return endpoint.path.replace("{id}", "1")


def foreign_scopes() -> Iterator[tuple[Endpoint, Scope]]:
    for endpoint in KEYED:
        yield from ((endpoint, scope) for scope in Scope if scope not in {endpoint.scope, "admin"})


def test_only_four_paths_are_open():
    """All else asks for a key."""
    assert {e.path for e in ENDPOINTS if e.scope is None} == PUBLIC


@pytest.mark.parametrize("endpoint", KEYED, ids=name_of)
async def test_nothing_answers_without_a_valid_key(api: ApiDriver, endpoint: Endpoint):
    """401 comes before anything else that may be wrong with a request."""
    path = with_ids(endpoint)
    for key in (None, "wrong", "", "ath_" + "0" * 72, "ключ", "x" * 5_000):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        answer = await api.ask(
            endpoint.method, f"{path}?bad=1", key=None, headers=headers, content=b"{not json"
        )

        assert (answer.status, answer.code) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", sorted(PUBLIC))
async def test_open_paths_need_no_key(api: ApiDriver, path: str):
    """Also with a wrong one."""
    for key in (None, "wrong"):
        assert (await api.ask("GET", path, key=key)).status == 200


async def test_a_scope_does_not_include_another(api: ApiDriver):
    """403 comes before a look at the body; only `admin` includes the others."""
    keys = {scope: await api.key_for(scope) for scope in Scope}
    for endpoint, scope in foreign_scopes():
        answer = await api.ask(
            endpoint.method, with_ids(endpoint), key=keys[scope], content=b"{not json"
        )

        assert (answer.status, answer.code) == (403, "forbidden"), endpoint.name


@pytest.mark.parametrize("endpoint", [e for e in KEYED if e.name != "follow_events"], ids=name_of)
async def test_the_right_scope_lets_in(api: ApiDriver, endpoint: Endpoint):
    """The very scope is enough."""
    assert endpoint.scope is not None
    key = await api.key_for(endpoint.scope)

    answer = await api.ask(endpoint.method, with_ids(endpoint), key=key)

    assert answer.status not in {401, 403}


async def test_both_headers_carry_a_key(api: ApiDriver):
    """X-API-Key, or Authorization with the scheme Bearer in any case."""
    for headers in ({"X-API-Key": ADMIN}, {"Authorization": f"bearer {ADMIN}"}):
        assert (await api.ask("GET", "/api/tasks", key=None, headers=headers)).status == 200
    for headers in ({"Authorization": ADMIN}, {"Authorization": f"Basic {ADMIN}"}):
        assert (await api.ask("GET", "/api/tasks", key=None, headers=headers)).status == 401


async def test_a_revoked_key_is_refused_at_once(api: ApiDriver):
    """Also one that was just used."""
    key = await api.key_for(Scope.READ)
    assert (await api.ask("GET", "/api/tasks", key=key)).status == 200
    listed = (await api.ask("GET", "/api/keys")).body["keys"]

    revoked = await api.ask("DELETE", f"/api/keys/{listed[-1]['id']}")

    assert (revoked.status, revoked.content) == (204, b"")
    assert (await api.ask("GET", "/api/tasks", key=key)).status == 401


async def test_an_expired_key_is_refused(api: ApiDriver):
    """From the moment that `expires_at` names."""
    until = api.clock.now() + timedelta(hours=1)
    new = await api.services.keys.create(
        name="guest", scopes=frozenset({Scope.READ}), expires_at=until, by=SYSTEM
    )
    assert (await api.ask("GET", "/api/tasks", key=new.secret)).status == 200

    api.clock.advance(timedelta(hours=1))

    assert (await api.ask("GET", "/api/tasks", key=new.secret)).status == 401


async def test_a_bound_key_acts_for_its_instance_only(api: ApiDriver):
    """Every endpoint that an instance acts by refuses another one, before it looks further."""
    key = await api.key_for(Scope.WORK, instance="pi")
    task = await api.submitted()
    at_work = [e for e in KEYED if e.scope is Scope.WORK and e.body is not None]

    for endpoint in at_work:
        path = endpoint.path.replace("{id}", str(task["id"]))
        answer = await api.ask(endpoint.method, path, {"instance": "mac", "bad": 1}, key=key)
        assert (answer.status, answer.code) == (403, "forbidden"), endpoint.name

    claimed = await api.ask("POST", "/api/claim", {"instance": "pi"}, key=key)
    assert claimed.status == 200
    assert claimed.body["claimed_by"] == "pi"


async def test_checks_come_in_their_order(api: ApiDriver):
    """401, 403, 422, 404, then what the task says."""
    read, work = await api.key_for(Scope.READ), await api.key_for(Scope.WORK)
    gone = "/api/tasks/999/complete"

    codes = [
        (await api.ask("POST", gone, {"instance": 5}, key=None)).code,
        (await api.ask("POST", gone, {"instance": 5}, key=read)).code,
        (await api.ask("POST", gone, {"instance": 5}, key=work)).code,
        (await api.ask("POST", gone, {"instance": "pi"}, key=work)).code,
    ]

    assert codes == ["unauthorized", "forbidden", "validation_error", "task_not_found"]


async def test_a_holder_learns_first_of_the_cancellation(api: ApiDriver):
    """task_cancelled, then not_holder, then invalid_transition."""
    cancelled, running = await api.claimed(), await api.claimed()
    done = await api.completed()
    await api.ask("POST", f"/api/tasks/{cancelled['id']}/cancel")

    async def complete(task: dict[str, object], **fields: object) -> str:
        path = f"/api/tasks/{task['id']}/fail"
        return (await api.ask("POST", path, {"instance": "pi", "error": "no", **fields})).code

    assert await complete(cancelled, attempt=7) == "task_cancelled"
    assert await complete(running, attempt=7) == "not_holder"
    assert await complete(running, instance="mac") == "not_holder"
    assert await complete(done) == "invalid_transition"


async def test_secrets_are_shown_once(api: ApiDriver):
    """The list knows a key by its first characters."""
    body = {"name": "worker", "scopes": ["work", "read"], "instance": "pi"}
    made = await api.ask("POST", "/api/keys", body)

    assert made.status == 201
    assert made.body["secret"].startswith("ath_")
    listed = (await api.ask("GET", "/api/keys")).body["keys"][-1]
    assert "secret" not in listed
    assert listed == {name: made.body[name] for name in listed}
    assert listed["scopes"] == ["read", "work"]


async def test_an_unknown_key_cannot_be_revoked(api: ApiDriver):
    """404 for what is no key, and for what is no number."""
    for key_id in ("99", "0", "x", "9223372036854775808"):
        answer = await api.ask("DELETE", f"/api/keys/{key_id}")
        assert (answer.status, answer.code) == (404, "key_not_found")
