"""Kill -9 at random moments while tasks run: every message once, nothing lost."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from tests.bot.conftest import Athena, StartAthena
from tests.fakes.discord import DiscordStandIn

TASKS = 12
KILLS = 6


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
async def test_random_kills_tell_each_thing_once(
    start_athena: StartAthena, discord: DiscordStandIn, seed: int
) -> None:
    """One card, claim, question and end for each task, whenever the server was killed."""
    chance = random.Random(seed)
    athena = await start_athena()
    discord.faults.delay("POST /channels/**", seconds=0.05)
    working = asyncio.create_task(work(athena))
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.3, 2.5))  # at any moment: that is the point
        await asyncio.to_thread(athena.server.kill)
        discord.state.clock.advance(minutes=chance.choice([0, 6]))
        await asyncio.to_thread(athena.server.start)
    await working

    for task in range(1, TASKS + 1):
        await discord.wait_for_message(f"✅ Task #{task} completed", timeout_seconds=90)
    texts = Counter(
        match[0]
        for message in discord.state.messages
        for match in re.finditer(
            r"Task #\d+ (?:·|claimed|completed)|Question \d+", message.text.partition("\n")[0]
        )
    )
    repeated = {text: times for text, times in texts.items() if times != 1}
    assert repeated == {}
    assert len(texts) == 4 * TASKS
    await discord.wait_for(
        lambda state: not [m for m in state.messages if "Question" in m.content and m.controls],
        30,
        what="no question that asks still",
    )


async def work(athena: Athena) -> None:
    """Submit, claim and complete tasks, whenever the server is there."""
    for number in range(1, TASKS + 1):
        key = {"Idempotency-Key": f"task-{number}"}
        body = {"description": f"number {number}"}
        task = (await surely(athena, "POST", "/api/tasks", body, key))["id"]
        assert task == number
        claim = {"instance": "pi"}
        await surely(athena, "POST", f"/api/tasks/{task}/claim", claim)
        asking = {"instance": "pi", "text": f"question of {number}?", "key": "only"}
        question = (await surely(athena, "POST", f"/api/tasks/{task}/questions", asking))["id"]
        if number % 2:  # the others are answered before or while they are told
            await athena.discord.wait_for_message(f"Question {question}**", timeout_seconds=60)
        await answered(athena, question)
        await surely(athena, "POST", f"/api/tasks/{task}/complete", claim)


async def answered(athena: Athena, question: int) -> None:
    """Answer it; where the first answer was lost on its way back, it counts all the same."""
    path = f"/api/questions/{question}"
    async with asyncio.timeout(60):
        while (await surely(athena, "GET", path, None))["status"] == "open":
            with suppress(OSError):
                await athena.server.ask_async("POST", f"{path}/answer", {"answer": "yes"})


async def surely(
    athena: Athena, method: str, path: str, body: object, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Ask until there is an answer; every request here may be repeated."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await athena.server.ask_async(method, path, body, headers=headers)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            assert answer.status < 400, answer.body
            body_: dict[str, Any] = answer.body
            return body_
