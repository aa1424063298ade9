"""I2, I4, I7, I13, I19: what serves is killed with -9 again and again while many are at work."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import pytest

from tests.postgres import PostgresServer
from tests.running import Answer, RunningServer
from tests.scenario.crowd import GONE, Crowd, Heard, all_of, crowd_of, until
from tests.scenario.history import History, history_of
from tests.store.engines import only_on

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WORKERS = 24
SUBMITTERS = 8


@dataclass(slots=True)
class Acknowledged:
    """What the server has said it did: (task, attempt) pairs, and ids by idempotency key."""

    submitted: dict[str, int] = field(default_factory=dict)
    claimed: set[tuple[int, int]] = field(default_factory=set)
    completed: set[tuple[int, int]] = field(default_factory=set)

    @property
    def count(self) -> int:
        return len(self.submitted) + len(self.claimed) + len(self.completed)


class Life:
    """The crowd, what keeps dying on it, and what was acknowledged meanwhile."""

    def __init__(self, victim: RunningServer | PostgresServer, crowd: Crowd) -> None:
        self.victim = victim
        self.crowd = crowd
        self.told = Acknowledged()
        self.is_over = False
        self._up = asyncio.Event()
        self._up.set()

    async def insist(self, ask: Callable[[], Awaitable[Heard]]) -> Heard:
        """Ask until there is an answer, over all deaths."""
        while True:
            await self._up.wait()
            try:
                answer = await ask()
            except GONE:
                await asyncio.sleep(0)
                continue
            if answer.status != 503 or isinstance(self.victim, RunningServer):
                return answer
            # Without its database a server says when to come again; here that is soon.
            assert answer.headers["Retry-After"]
            await asyncio.sleep(0.02)

    async def submit_for_ever(self, name: str) -> None:
        for number in itertools.count():
            if self.is_over:
                return
            key = f"{name}-{number}"
            body = {"description": key, "priority": "high" if number % 3 else "low"}
            headers = {"Idempotency-Key": key}
            submit = partial(self.crowd.ask, "POST", "/api/tasks", body, headers=headers)
            answer = await self.insist(submit)
            assert answer.status == 201, answer
            self.told.submitted[key] = answer.body["id"]

    async def work_for_ever(self, name: str) -> None:
        claim = partial(self.crowd.ask, "POST", "/api/claim", {"instance": name, "wait": 0.2})
        while not self.is_over:
            answer = await self.insist(claim)
            if answer.status == 204:
                continue
            assert answer.status == 200, answer
            task = answer.body
            self.told.claimed.add((task["id"], task["attempt"]))
            # An answer may be lost and its completion not: doing it again changes nothing.
            done = await self.insist(partial(self.crowd.complete, task, name))
            assert done.status == 200, done
            self.told.completed.add((task["id"], task["attempt"]))

    async def die_and_rise(self, dice: random.Random) -> None:
        """Let some work be acknowledged, kill in the middle of it, start again."""
        enough = self.told.count + dice.randrange(1, 400)
        await until(lambda: self.told.count >= enough, seconds=300)
        self._up.clear()
        await asyncio.to_thread(self.victim.kill)
        await asyncio.to_thread(self.victim.start)
        self._up.set()

    async def go_on(self, lives: int, dice: random.Random) -> None:
        """Everybody does what he does, over so many lives."""

        async def reign() -> None:
            for _ in range(lives):
                await self.die_and_rise(dice)
            self.is_over = True

        await all_of(
            [
                *(self.submit_for_ever(f"s{number}") for number in range(SUBMITTERS)),
                *(self.work_for_ever(f"w{number}") for number in range(WORKERS)),
                reign(),
            ],
            seconds=600,
        )


def check_promises(told: Acknowledged, history: History) -> None:
    """Everything that was acknowledged is there, once, with one event."""
    history.check()
    by_description = Counter(row["description"] for row in history.tasks.values())
    assert max(by_description.values()) == 1, "an idempotency key made two tasks"
    for key, task_id in told.submitted.items():
        assert history.tasks[task_id]["description"] == key
    assert history.count("task.submitted").total() == len(history.tasks)
    claims, ends = history.count("task.claimed"), history.count("task.completed")
    assert {*claims.values(), *ends.values()} == {1}
    assert told.claimed <= claims.keys()
    assert told.completed <= ends.keys()
    completed = {(i, row["attempt"]) for i, row in history.tasks.items() if row["completed_at"]}
    assert completed == ends.keys()


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_acknowledged_is_lost_however_often_the_server_is_killed(
    server: RunningServer, seed: int, is_full: bool
) -> None:
    """Kill -9 at any moment costs no acknowledged write, and the next life begins by itself."""
    async with crowd_of(server) as crowd:
        life = Life(server, crowd)
        await life.go_on(25 if is_full else 5, random.Random(seed))

    server.kill()
    check_promises(life.told, history_of(server))
    assert b"Traceback" not in server.log.read_bytes()


@only_on("postgres", "SQLite dies with its server")
async def test_nothing_acknowledged_is_lost_however_often_the_database_is_killed(
    postgres: PostgresServer, start_server: Callable[..., RunningServer], is_full: bool
) -> None:
    """Nor done twice: what was on its way is refused, and may be asked once more."""
    server = start_server(DATABASE_URL=postgres.url(postgres.create_empty_database()))
    async with crowd_of(server) as crowd:
        life = Life(postgres, crowd)
        await life.go_on(25 if is_full else 5, random.Random(3))

    assert server.stop() == 0
    check_promises(life.told, history_of(server))
    assert b"Traceback" not in server.log.read_bytes()


async def test_an_idempotency_key_holds_over_a_kill(server: RunningServer) -> None:
    """I7: a repeated submit or claim gets the first life's answer, and does nothing more."""

    def submit() -> Answer:
        key = {"Idempotency-Key": "submit once"}
        return server.ask("POST", "/api/tasks", {"description": "Deploy"}, headers=key)

    def claim() -> Answer:
        key = {"Idempotency-Key": "claim once"}
        return server.ask("POST", "/api/claim", {"instance": "pi"}, headers=key)

    first = submit().body, claim().body

    server.kill()
    server.start()

    assert (submit().body, claim().body) == first
    assert server.ask("POST", "/api/claim", {"instance": "other"}).status == 204


async def test_what_is_held_stays_held_in_the_next_life(server: RunningServer) -> None:
    """A kill frees no task: its holder goes on, and completes it with the attempt it had."""
    server.ask("POST", "/api/tasks", {"description": "Deploy"})
    held = server.ask("POST", "/api/claim", {"instance": "pi", "lease_seconds": 60}).body

    server.kill()
    server.start()

    refused = server.ask("POST", f"/api/tasks/{held['id']}/claim", {"instance": "mac"})
    assert (refused.status, refused.body["code"]) == (409, "already_claimed")
    body = {"instance": "pi", "attempt": held["attempt"]}
    assert server.ask("POST", f"/api/tasks/{held['id']}/complete", body).status == 200
