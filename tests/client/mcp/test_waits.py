"""Waiting for a person or for a task: in slices, cancelled at once, and never asking twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from claude_task_client import holding
from claude_task_client.mcp import waits
from claude_task_client.mcp.desk import KEPT_MAX, Desk
from claude_task_client.settings import Settings
from tests.client.mcp.model import LEGACY, MODERN, Model, Told, in_process
from tests.client.mcp.test_tools import submitted, task_of
from tests.running import RunningServer

DEADLINE_SECONDS = 30


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short slices: what happens between two is seen within a second."""
    monkeypatch.setattr(waits, "SLICE_SECONDS", 0.2)


async def open_question(athena: RunningServer, task: int, number: int = 1):
    """The question once it is asked."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            answer = await athena.ask_async("GET", f"/api/questions?status=open&task={task}")
            if len(answer.body["questions"]) >= number:
                return answer.body["questions"][-1]["id"]
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def calling(
    model: Model, tool: str, **arguments: object
) -> AsyncIterator[asyncio.Task[Told]]:
    """A call under way."""
    call = asyncio.create_task(model.call(tool, **arguments))
    try:
        yield call
    finally:
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_the_answer_of_a_person_comes_to_the_one_who_waits(athena, here, mode):
    """Asked in the open, answered by whoever is first."""
    number = submitted(athena)
    async with in_process(here, mode) as model:
        await model.call("take_next")
        asking = {"task_id": number, "question": "Which port?", "choices": ["80", "8080"]}
        async with calling(model, "ask_person", **asking) as call:
            question = await open_question(athena, number)
            athena.ask("POST", f"/api/questions/{question}/answer", {"answer": "8080"})
            told = await call

    assert told.content["answer"] == "8080"
    assert told.content["status"] == "answered"
    assert "| 8080" in told.text


async def test_a_call_that_was_cut_short_may_be_repeated(athena, here):
    """The same words are the same question until its answer has come; then they are a new one."""
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        async with calling(model, "ask_person", task_id=number, question="Now?"):
            first = await open_question(athena, number)
        athena.ask("POST", f"/api/questions/{first}/answer", {"answer": "yes"})
        again = await model.call("ask_person", task_id=number, question="Now?")
        anew = await model.call("ask_person", task_id=number, question="Now?", wait_seconds=0)

    assert again.content["question_id"] == first
    assert again.content["answer"] == "yes"
    assert anew.content["question_id"] != first


async def test_waiting_goes_on_by_the_number_of_the_question(athena, here, slices):
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        asked = await model.call(
            "ask_person", task_id=number, question="Which port?", wait_seconds=0.3
        )
        question = asked.content["question_id"]
        athena.ask("POST", f"/api/questions/{question}/answer", {"answer": "80"})
        told = await model.call("ask_person", task_id=number, question_id=question)

    assert asked.content["status"] == "open"
    assert told.content["answer"] == "80"


async def test_a_question_outlives_athena(start_server, slices):
    """Where she goes in the middle of a wait, the model learns how to go on."""
    server = start_server()
    async with in_process(Settings(server.url, server.key, "here", None)) as model:
        number = submitted(server)
        await model.call("take_next")
        call = asyncio.create_task(model.refusal("ask_person", task_id=number, question="Now?"))
        question = await open_question(server, number)
        server.kill()
        told = await call
        server.start()
        server.ask("POST", f"/api/questions/{question}/answer", {"answer": "yes"})
        answered = await model.call("ask_person", task_id=number, question_id=question)

    assert told.endswith(f"with task_id={number} and question_id={question}.")
    assert answered.content["answer"] == "yes"


async def test_what_is_kept_of_a_long_session_is_bounded():
    """A session of weeks asks more than anybody remembers; the oldest goes first."""
    desk = Desk()
    for number in range(KEPT_MAX + 1):
        desk.note_asked(1, str(number), number)

    assert desk.open_question(1, "0") is None
    assert desk.open_question(1, str(KEPT_MAX)) == KEPT_MAX


async def test_a_question_needs_words(athena, here):
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        told = await model.refusal("ask_person", task_id=number, question="  ")

    assert told.startswith("Say the question")


async def test_a_task_cancelled_while_its_holder_waits_is_told(athena, here, slices):
    """A person may answer by stopping all of it."""
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        call = asyncio.create_task(model.tries("ask_person", task_id=number, question="Now?"))
        await open_question(athena, number)
        athena.ask("POST", f"/api/tasks/{number}/cancel")
        told = await call

    assert told.refused or told.content["status"] == "withdrawn"


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_a_long_wait_says_that_it_goes_on(athena, here, slices, mode):
    """A client that gives up on silent calls hears of it at each slice."""
    number = submitted(athena)
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with in_process(here, mode) as model:
        await model.client.call_tool(
            "task_result", {"task_id": number, "wait_seconds": 2}, progress_callback=hear
        )

    assert heard
    assert set(heard) == {f"Waiting for the end of #{number}"}


async def test_the_end_of_a_task_comes_to_the_one_who_waits(athena, here, there):
    number = submitted(athena)
    async with (
        in_process(here) as model,
        in_process(there) as other,
        calling(model, "task_result", task_id=number, wait_seconds=60) as call,
    ):
        await other.call("take_next")
        await other.call("complete_task", task_id=number, notes="done")
        told = await call

    assert told.content["ended"] is True


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_a_cancelled_wait_leaves_the_rest_in_working_order(athena, here, mode):
    """Its request to Athena ends with it, and other calls go on."""
    number = submitted(athena)
    async with in_process(here, mode) as model:
        async with calling(model, "task_result", task_id=number, wait_seconds=60):
            await model.call("list_tasks")
        told = await model.call("take_next")

    assert told.content["task"]["id"] == number


async def test_calls_do_not_wait_for_each_other(athena, here):
    """Two at once are two tasks, each taken once."""
    numbers = {submitted(athena) for _ in range(10)}
    async with (
        in_process(here) as model,
        calling(model, "task_result", task_id=max(numbers), wait_seconds=60),
    ):
        taken = await asyncio.gather(*(model.call("take_next") for _ in range(10)))

    assert {told.content["task"]["id"] for told in taken} == numbers
    assert task_of(athena, max(numbers))["attempt"] == 1


async def test_a_task_taken_for_a_call_that_is_cancelled_goes_back(athena, here):
    """Athena gave it, the answer was on its way, and nobody waits for it any more."""
    number = submitted(athena)
    async with (
        losing(athena.url) as network,
        in_process(here._replace(url=network.url)) as model,
    ):
        async with calling(model, "take_next"):
            await until(athena, number, "in_progress")
            network.loses = False
        task = await until(athena, number, "pending")

    assert (task["attempt"], task["failures"]) == (1, 0)


async def test_a_claim_and_its_end_are_noted_though_nobody_waits_any_more(athena, here):
    """Athena's answer is there: what she knows, this machine has to know as well."""
    number = submitted(athena)
    desk = Desk(lambda: here)
    async with desk.open():
        task = await desk.athena().claim(number)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await desk.remember(desk.athena(), number, task.attempt)
        remembered = holding.claims_of(here).all()
        with anyio.CancelScope() as scope:
            async with desk.ending(number):
                scope.cancel()

    assert remembered == {number: task.attempt}
    assert holding.claims_of(here).all() == {}


async def until(athena: RunningServer, number: int, status: str) -> dict[str, Any]:
    """The task once it is in this status."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            task: dict[str, Any] = (await athena.ask_async("GET", f"/api/tasks/{number}")).body
            if task["status"] == status:
                return task
            await asyncio.sleep(0.02)


@dataclass
class Losing:
    """A way to Athena on which answers get lost: those on connections made while it `loses`."""

    url: str = ""
    loses: bool = True


@contextlib.asynccontextmanager
async def losing(athena_url: str) -> AsyncIterator[Losing]:
    """Such a network before Athena."""
    host, _, port = athena_url.removeprefix("http://").partition(":")
    network = Losing()

    async def pass_on(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        loses = network.loses
        far, on = await asyncio.open_connection(host, int(port))
        ways = [pump(near, on, kept=True), pump(far, back, kept=not loses)]
        connections.append(asyncio.gather(*ways))
        await connections[-1]

    connections: list[asyncio.Future[Any]] = []
    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    network.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield network
    await asyncio.gather(*connections)


async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter, *, kept: bool) -> None:
    """All that comes, to where it goes, or nowhere."""
    while piece := await source.read(65536):
        if kept:
            to.write(piece)
    to.close()
    await to.wait_closed()
