"""Requests that may be repeated."""

from __future__ import annotations

from athena.model.key import Scope
from tests.api.driver import ApiDriver

NAME = {"Idempotency-Key": "order-66"}
BODY = {"description": "Water the plants"}


async def test_a_repeated_submission_makes_one_task(api: ApiDriver):
    """The first answer comes again, as it was."""
    first = await api.ask("POST", "/api/tasks", BODY, headers=NAME)
    await api.ask("POST", "/api/tasks/1/cancel")

    second = await api.ask("POST", "/api/tasks", BODY, headers=NAME)

    assert (second.status, second.body) == (201, first.body)
    assert second.headers["Location"] == first.headers["Location"]
    assert len((await api.ask("GET", "/api/tasks?status=all")).body["tasks"]) == 1


async def test_a_name_stands_for_one_request(api: ApiDriver):
    """The same name for another body or path is 422."""
    await api.ask("POST", "/api/tasks", BODY, headers=NAME)

    other = await api.ask("POST", "/api/tasks", {"description": "Feed the cat"}, headers=NAME)
    claim = await api.ask("POST", "/api/claim", {"instance": "pi"}, headers=NAME)

    assert (other.status, other.code) == (422, "idempotency_key_reused")
    assert (claim.status, claim.code) == (422, "idempotency_key_reused")


async def test_names_belong_to_their_key(api: ApiDriver):
    """Two clients do not get in each other's way."""
    keys = [await api.key_for(Scope.SUBMIT), await api.key_for(Scope.SUBMIT)]

    answers = [await api.ask("POST", "/api/tasks", BODY, key=key, headers=NAME) for key in keys]

    assert [answer.body["id"] for answer in answers] == [1, 2]


async def test_a_repeated_claim_gives_the_same_task(api: ApiDriver):
    """A worker whose answer got lost does not end up with two."""
    await api.submitted()
    await api.submitted()

    claims = [
        await api.ask("POST", "/api/claim", {"instance": "pi"}, headers=NAME) for _ in range(2)
    ]

    assert [claim.body["id"] for claim in claims] == [1, 1]
    assert claims[0].body == claims[1].body


async def test_names_are_checked(api: ApiDriver):
    """Neither empty nor longer than 255 characters."""
    for name in ("", "x" * 256):
        answer = await api.ask("POST", "/api/tasks", BODY, headers={"Idempotency-Key": name})
        assert (answer.status, answer.code) == (422, "validation_error")
    answer = await api.ask("POST", "/api/tasks", BODY, headers={"Idempotency-Key": "x" * 255})
    assert answer.status == 201
