"""Rates: of requests by key, of failed sign-ins by address."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena.api.throttle import Throttle
from athena.model.key import Scope
from tests.api.driver import ADMIN, running_api
from tests.store.engines import Engine

# More than thirty: where they take long, some are let in again meanwhile.
WRONG_KEYS = 50


class Time:
    """Seconds that go when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_come_at_once():
    """Then one for each interval, and the wait is told in whole seconds."""
    time = Time()
    throttle = Throttle(6, time)

    assert [throttle.hit("a") for _ in range(6)] == [0] * 6
    assert throttle.hit("a") == 10
    assert throttle.hit("b") == 0
    time.now += 9.5
    assert throttle.hit("a") == 1
    time.now += 0.5
    assert throttle.hit("a") == 0
    assert throttle.hit("a") == 10
    time.now += 60
    assert [throttle.hit("a") for _ in range(7)] == [0] * 6 + [10]


def test_zero_is_no_limit():
    """Everything passes."""
    throttle = Throttle(0, Time())

    assert not any(throttle.hit("a") for _ in range(1_000))


def test_names_are_forgotten():
    """What is kept is bounded, and who is over the limit is not forgotten for others."""
    time = Time()
    throttle = Throttle(1, time)
    for number in range(9_999):
        throttle.hit(number)
    time.now += 60
    throttle.hit("a")

    throttle.hit("b")

    assert throttle.hit("a") > 0
    for number in range(30_000):
        throttle.hit(number)
    assert len(throttle._full_at) <= 10_000


async def test_a_key_has_its_rate(engine: Engine, tmp_path: Path):
    """429 with the time to wait; another key is not concerned."""
    async with running_api(engine, tmp_path, rate_limit=5) as api:
        key = await api.key_for(Scope.READ)
        statuses = [(await api.ask("GET", "/api/tasks", key=key)).status for _ in range(5)]

        refused = await api.ask("GET", "/api/tasks", key=key)

        assert statuses == [200] * 5
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 12
        assert (await api.ask("GET", "/api/tasks")).status == 200
        assert (await api.ask("GET", "/health", key=key)).status == 200


async def test_failed_sign_ins_never_lock_out_a_right_key(engine: Engine, tmp_path: Path):
    """After thirty wrong keys an address is told to wait; the right one is let in."""
    async with running_api(engine, tmp_path, rate_limit=6_000) as api:
        wrong = [await api.ask("GET", "/api/tasks", key=f"wrong-{n}") for n in range(WRONG_KEYS)]

        refused = next(number for number, answer in enumerate(wrong) if answer.status != 401)
        assert refused >= 30
        assert (wrong[refused].status, wrong[refused].code) == (429, "rate_limited")
        assert (await api.ask("GET", "/api/tasks", key=ADMIN)).status == 200
        assert (await api.ask("GET", "/api/tasks", key=None)).status == 401


async def test_no_limit_lifts_that_on_sign_ins_too(engine: Engine, tmp_path: Path):
    """RATE_LIMIT 0."""
    async with running_api(engine, tmp_path, rate_limit=0) as api:
        wrong = [await api.ask("GET", "/api/tasks", key="wrong") for _ in range(WRONG_KEYS)]

        assert {answer.status for answer in wrong} == {401}


@pytest.mark.parametrize(
    ("trusted", "forwarded", "is_shared"),
    [
        ((), "203.0.113.{n}", True),  # anybody can send that header
        (("127.0.0.1",), "203.0.113.{n}", False),
        (("127.0.0.0/8", "10.0.0.0/8"), "203.0.113.{n}, 10.1.1.1", False),
        (("127.0.0.1",), "203.0.113.{n}, 198.51.100.1", True),  # only what our proxy says counts
        (("127.0.0.1",), "nonsense {n}", True),
    ],
)
async def test_proxies_are_believed_where_trusted(
    engine: Engine, tmp_path: Path, trusted: tuple[str, ...], forwarded: str, is_shared: bool
):
    """Failed sign-ins are counted by the address of the client."""
    async with running_api(engine, tmp_path, rate_limit=6_000, trusted_proxies=trusted) as api:
        statuses = set()
        for n in range(WRONG_KEYS):
            headers = {"X-Forwarded-For": forwarded.format(n=n)}
            answer = await api.ask("GET", "/api/tasks", key="wrong", headers=headers)
            statuses.add(answer.status)

        assert statuses == ({401, 429} if is_shared else {401})
