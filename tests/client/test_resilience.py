"""One `AsyncAthena` for a worker's whole life: many calls at once, restarts, dead connections."""

import asyncio
import contextlib
import socket

import pytest

from claude_task_client import AsyncAthena, Result, Task, Unreachable
from claude_task_client.errors import NotSent
from claude_task_client.transports import AsyncTransport, keep_alive_options
from tests.client import strangers
from tests.client.network import network

MANY = 50


async def end_of(athena: AsyncAthena, task: Task) -> Result:
    """What came of the task, asked for in short polls."""
    while True:
        result = await athena.result(task.id, wait=True, timeout=1)
        if result is not None:
            return result


async def next_task(athena: AsyncAthena) -> Task:
    """A claim that must give one."""
    while True:
        task = await athena.claim_next(wait=1)
        if task is not None:
            return task


async def cancelled(*waiting: asyncio.Task[object]) -> None:
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_fifty_wait_at_once_and_nobody_waits_for_a_connection(athena):
    """Long polls hold a connection each; other calls go on beside them."""
    async with AsyncAthena(athena.url, athena.key, instance="here") as here:
        tasks = [await here.submit(f"task {number}", lane="l") for number in range(MANY)]
        waiting = [asyncio.create_task(end_of(here, each)) for each in tasks]
        for _ in tasks:
            await here.complete(await next_task(here), result={"success": True})
        results = await asyncio.gather(*waiting)

    assert [result.success for result in results] == [True] * MANY


async def test_polls_that_are_given_up_hold_no_connection(athena):
    """More of them than there may be connections."""
    async with AsyncAthena(athena.url, athena.key, instance="here", retry_seconds=0) as here:
        for _ in range(6):
            waiting = [asyncio.create_task(here.claim_next(wait=60)) for _ in range(MANY)]
            await here.health()
            await cancelled(*waiting)

        assert (await here.health()).status == "ok"


async def test_a_restart_is_nothing_to_those_who_wait(start_server):
    """Every long poll that a restart cuts off is made again, and gets its answer."""
    server = start_server()
    async with AsyncAthena(server.url, server.key, instance="here") as here:
        tasks = [await here.submit(f"task {number}") for number in range(10)]
        waiting = [asyncio.create_task(here.result(each.id, wait=True)) for each in tasks]
        await here.health()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        for each in tasks:
            await here.complete(await here.claim(each.id))

        assert all(await asyncio.gather(*waiting))


async def test_a_poll_that_was_cut_off_at_its_end_is_made_again(athena):
    """What it has waited does not count as time spent in trying again."""
    with network(athena.url) as way:
        async with AsyncAthena(
            way.url, athena.key, instance="here", timeout_seconds=2, retry_seconds=3
        ) as here:
            task = await here.submit("x")
            waiting = asyncio.create_task(here.result(task.id, wait=True, timeout=2))
            await here.health()
            way.forget()

            assert await waiting is None


async def test_what_was_never_sent_is_sent_again_even_where_twice_would_be_too_often(start_server):
    """A cancel that found nobody listening did nothing: it waits for Athena to come back."""
    server = start_server()
    async with AsyncAthena(server.url, server.key, instance="here") as here:
        task = await here.submit("x")
        await asyncio.to_thread(server.stop)
        cancelling = asyncio.create_task(here.cancel(task.id))
        await asyncio.to_thread(server.start)

        assert (await cancelling).status == "cancelled"


async def test_nobody_listening_is_told_apart_from_a_lost_answer():
    """After the one nothing has happened, after the other anything may have."""
    async with AsyncAthena(strangers.closed_port(), "ath_x", retry_seconds=0) as here:
        with pytest.raises(NotSent):
            await here.cancel(1)
    with strangers.stranger(lambda connection, _: connection.close()) as url:
        async with AsyncAthena(url, "ath_x", retry_seconds=0) as here:
            with pytest.raises(Unreachable) as lost:
                await here.cancel(1)
    assert not isinstance(lost.value, NotSent)


async def test_calls_after_a_sleep_do_not_stay_with_dead_connections(athena):
    """What was open before the laptop slept is silently gone; each call finds a way that works."""
    with network(athena.url) as way:
        async with AsyncAthena(way.url, athena.key, instance="here", timeout_seconds=0.5) as here:
            tasks = [await here.submit(f"task {number}") for number in range(10)]
            waiting = [asyncio.create_task(end_of(here, each)) for each in tasks]
            await here.health()
            assert way.forget() > 0
            for each in tasks:
                await here.complete(await here.claim(each.id))

            assert all(await asyncio.gather(*waiting))


async def test_a_second_try_is_made_on_a_new_connection(athena):
    """However many kept ones are dead, a call meets one of them at most."""
    with network(athena.url) as way:
        async with AsyncAthena(way.url, athena.key, timeout_seconds=3, retry_seconds=9) as here:
            await asyncio.gather(*[here.health() for _ in range(MANY)])
            assert way.forget() > 10

            assert (await here.health()).status == "ok"


async def test_a_claim_made_on_a_dead_connection_is_not_lost(athena):
    """Athena gave out a task, and the answer went nowhere: asked again, it is the same task."""
    with network(athena.url) as way:
        async with (
            AsyncAthena(athena.url, athena.key) as awake,
            AsyncAthena(way.url, athena.key, instance="here", timeout_seconds=0.5) as here,
        ):
            claiming = asyncio.create_task(next_task(here))
            await here.health()
            way.forget()
            task = await awake.submit("x")
            claimed = await claiming

    assert (claimed.id, claimed.attempt) == (task.id, 1)


async def test_a_stream_that_has_gone_silent_is_made_again(athena):
    """Athena says something every 15 s: without a word for longer the connection is dead."""
    with network(athena.url) as way:
        impatient = AsyncTransport(
            way.url, athena.key, timeout_seconds=5, retry_seconds=5, silence_seconds=0.5
        )
        async with (
            AsyncAthena(athena.url, athena.key) as awake,
            AsyncAthena(way.url, athena.key, transport=impatient) as here,
            contextlib.aclosing(here.events(after=0, kind="task.submitted")) as events,
        ):
            first = await awake.submit("one")
            seen = [await anext(events)]
            while seen[-1].task_id != first.id:
                seen.append(await anext(events))
            assert way.forget() > 0
            second = await awake.submit("two")

            assert (await anext(events)).task_id == second.id


def test_the_kernel_looks_after_connections_that_only_wait():
    """Each option that this system takes can be set; that it asks at all is one everywhere."""
    options = keep_alive_options()

    with socket.socket() as one:
        for level, name, value in options:
            one.setsockopt(level, name, value)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    assert len(options) > 1
