"""What is told of tasks on Discord: once, in order, in place, whatever goes wrong."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tests.bot.conftest import Athena, StartAthena
from tests.fakes.discord import DiscordStandIn, Message, Permission, User
from tests.sinks.settling import settled, until_hit
from tests.store.engines import on_both

# Each test starts a server of its own, and some wait for Discord to come back.
pytestmark = pytest.mark.slow


def telling(discord: DiscordStandIn, text: str) -> list[Message]:
    """The messages that say this."""
    return [message for message in discord.state.messages if text in message.text]


async def run_to_the_end(athena: Athena, task: int) -> None:
    await athena.claim(task)
    await athena.complete(task, notes="All green")


async def test_card_is_edited_in_place(athena: Athena, discord: DiscordStandIn) -> None:
    """One message follows the task; a person is told of a failure."""
    task = await athena.submit(project="infra")
    card = await athena.card(task)
    assert "pending" in card.text
    await athena.claim(task)
    await discord.wait_for(lambda _: "in progress" in card.text)
    await athena.fail(task, "no disk")
    end = await discord.wait_for_message(f"❌ Task #{task} failed")
    assert "no disk" in end.text
    assert end.reply_to is card
    await discord.wait_for(lambda _: "failed" in card.text)
    assert len(telling(discord, f"Task #{task} ·")) == 1


async def test_many_steps_of_progress_are_few_edits(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """200 updates a second: about one edit in 2 s a message, the last state shown, no 429."""
    task = await athena.submit()
    card = await athena.card(task)
    await athena.claim(task)
    for percent in range(100):
        await athena.progress(task, percent=percent, message=f"step {percent}")
    await athena.progress(task, percent=100, message="step last")

    await discord.wait_for(lambda _: "step last" in card.text)
    thread = await discord.wait_for(lambda _: card.thread)
    await discord.wait_for(lambda _: any("step last" in m.text for m in thread.messages))

    seconds = _seconds_of_edits(discord, card)
    gaps = [after - before for before, after in pairwise(seconds)]
    assert all(gap > 1.8 for gap in gaps)
    assert len(thread.messages) <= 3
    assert discord.limits.exceeded == 0


def _seconds_of_edits(discord: DiscordStandIn, message: Message) -> list[float]:
    return [request.at for request in discord.state.requests_to("PATCH", f"/{message.id}")]


async def test_thread_tells_each_step(athena: Athena, discord: DiscordStandIn) -> None:
    """Claimed, progress, given back, claimed again: in order, in the card's thread."""
    task = await athena.submit()
    card = await athena.card(task)
    await athena.claim(task, "pi")
    await athena.progress(task, "pi", message="looking around")
    body = {"instance": "pi"}
    await athena.ask("POST", f"/api/tasks/{task}/release", body)
    await athena.claim(task, "server")

    await discord.wait_for_message(f"Task #{task} claimed by server (attempt 2)")
    assert card.thread is not None
    told = "\n".join(message.text for message in card.thread.messages)
    order = ["claimed by pi", "looking around", "Given back by pi", "claimed by server"]
    places = [told.index(part) for part in order]
    assert places == sorted(places)
    assert card.thread.auto_archive_minutes == 10_080


async def test_end_mentions_the_submitter_alone(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """Whoever submitted it is told; nobody else is, and nobody for a task of the API."""
    await discord.slash(alice, "task", description="mine")
    other = await athena.submit("somebody's")
    for task in (1, other):
        await run_to_the_end(athena, task)
    end = await discord.wait_for_message("✅ Task #1 completed")
    await discord.wait_for_message(f"✅ Task #{other} completed")
    assert [message for m in discord.state.messages for message in m.pings.notified] == [alice]
    assert discord.state.pings_of(alice) == [end]


async def test_person_is_told_of_blocked_tasks_and_sick_instances(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """What waits for a person is said where a person sees it."""
    first = await athena.submit()
    second = await athena.submit(depends_on=[first])
    await athena.claim(first)
    await athena.fail(first, "no disk")
    blocked = await discord.wait_for_message(f"Task #{second} is blocked")
    assert f"task #{first}" in blocked.text
    assert blocked.reply_to is await athena.card(second)

    health = {"ok": False, "message": "Claude is not signed in"}
    beat = {"instance": "pi", "name": "Pi", "health": health}
    await athena.ask("POST", "/api/instance/heartbeat", beat)
    sick = await discord.wait_for_message("Pi cannot work")
    assert "not signed in" in sick.text
    assert sick.channel is discord.channel("claude-tasks")


async def test_retry_goes_on_in_the_same_place(athena: Athena, discord: DiscordStandIn) -> None:
    """The same card and thread, which opens again; each end is told."""
    task = await athena.submit()
    card = await athena.card(task)
    await run_to_the_end(athena, task)
    await discord.wait_for(lambda _: card.thread is not None and card.thread.archived)
    await athena.ask("POST", f"/api/tasks/{task}/retry")
    await discord.wait_for(lambda _: "pending" in card.text)
    await athena.claim(task, "pi")
    await discord.wait_for_message("claimed by pi (attempt 2)")
    await athena.complete(task, "pi", notes="Again")
    await discord.wait_for_message("Again")
    assert len(telling(discord, f"✅ Task #{task} completed")) == 2
    assert len(telling(discord, f"Task #{task} ·")) == 1


async def test_removed_task_leaves_a_note(athena: Athena, discord: DiscordStandIn) -> None:
    """The card of a removed task says so, and has no buttons any more."""
    task = await athena.submit()
    card = await athena.card(task)
    await athena.ask("DELETE", f"/api/tasks/{task}")
    await discord.wait_for(lambda _: "removed" in card.text)
    assert card.buttons == []


@on_both
async def test_first_start_does_not_flood(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """A store full of history begins to be told from now on; open tasks get a card as they move."""
    athena = await start_athena(connected=False, DISCORD_TOKEN="")
    assert await athena.discord_state() == "disabled"
    ended, open_task = await athena.submit(), await athena.submit("still open")
    await run_to_the_end(athena, ended)
    await asyncio.to_thread(athena.server.stop)
    athena.server.settings["ATHENA_DISCORD_TOKEN"] = discord.state.token
    await asyncio.to_thread(athena.server.start)
    await athena.until_discord_is("connected")

    await athena.claim(open_task)

    card = await athena.card(open_task)
    assert "in progress" in card.text
    assert telling(discord, f"Task #{ended}") == []


# Mishaps


async def test_lost_answer_posts_nothing_twice(athena: Athena, discord: DiscordStandIn) -> None:
    """Discord carried it out, the answer was lost: it is found, not sent again."""
    faults = discord.faults
    for task in range(1, 4):
        faults.lose_answer("POST /channels/*/messages", times=2)
        await athena.submit()
        await athena.card(task)
        await athena.claim(task)
        await athena.complete(task)
        await discord.wait_for_message(f"✅ Task #{task} completed", timeout_seconds=40)
    await settled(athena)
    for task in range(1, 4):
        assert len(telling(discord, f"Task #{task} ·")) == 1
        assert len(telling(discord, f"✅ Task #{task} completed")) == 1
        assert len(telling(discord, f"Task #{task} claimed")) == 1


@on_both
async def test_kill_at_every_point_tells_each_once(athena: Athena, discord: DiscordStandIn) -> None:
    """Killed between any two requests to Discord: each message once, the card in place."""
    task = await athena.submit()
    await athena.card(task)
    for step, act in enumerate(
        (
            lambda: athena.claim(task),
            lambda: athena.progress(task, message="half way", percent=50),
            lambda: athena.complete(task, notes="All green"),
        )
    ):
        # The request is carried out, and before its answer comes, the server is gone.
        fault = discord.faults.delay_answer("/channels/**", seconds=0.6, times=2)
        await act()
        await until_hit(discord, fault)
        await asyncio.to_thread(athena.server.kill)
        # Longer ago than Discord remembers a nonce: only the history can tell.
        discord.state.clock.advance(minutes=6 if step % 2 else 0)
        fault.lift()
        await asyncio.to_thread(athena.server.start)
        await athena.until_discord_is("connected")
        await settled(athena)

    assert len(telling(discord, f"Task #{task} ·")) == 1
    assert len(telling(discord, f"Task #{task} claimed")) == 1
    assert len(telling(discord, "half way")) == 1
    assert len(telling(discord, f"✅ Task #{task} completed")) == 1


async def test_deleted_card_does_not_stop_the_end(athena: Athena, discord: DiscordStandIn) -> None:
    """A card that somebody deletes comes back once; after that only the end is told."""
    task, other = await athena.submit("first"), await athena.submit("second")
    card = await athena.card(task)
    await athena.card(other)
    discord.delete(card)
    await athena.claim(task)
    again = await athena.card(task)
    assert again is not card
    discord.delete(again)
    await athena.complete(task)
    end = await discord.wait_for_message(f"✅ Task #{task} completed")
    assert end.reply_to is None
    await run_to_the_end(athena, other)
    await discord.wait_for_message(f"✅ Task #{other} completed")
    assert telling(discord, f"Task #{task} ·") == []


async def test_deleted_channel_is_replaced(athena: Athena, discord: DiscordStandIn) -> None:
    """When the channel goes, tasks wait; in a new one of its name they go on."""
    task = await athena.submit()
    await athena.card(task)
    discord.delete(discord.channel("claude-tasks"))
    await athena.until_discord_is("failed")
    await athena.claim(task)
    new = discord.add_channel("claude-tasks")
    await athena.complete(task)
    end = await discord.wait_for_message(f"✅ Task #{task} completed", in_=new)
    assert "completed" in (await athena.card(task)).text
    assert end.reply_to is not None


@pytest.mark.parametrize("mishap", ["deleted", "locked", "refused", "full", "archived"])
async def test_thread_that_fails_does_not_stop_the_task(
    athena: Athena, discord: DiscordStandIn, mishap: str
) -> None:
    """Without a thread, what it would be told is said in reply to the card."""
    channel = discord.channel("claude-tasks")
    if mishap == "refused":
        discord.deny(channel, Permission.CREATE_PUBLIC_THREADS)
        await athena.until_discord_is("failed")
    if mishap == "full":
        discord.state.active_threads_max = 0
    task = await athena.submit()
    card = await athena.card(task)
    await athena.claim(task, "pi")
    await discord.wait_for_message(f"Task #{task} claimed by pi")
    await athena.progress(task, "pi", message="under way")
    await settled(athena)
    if mishap in {"deleted", "locked", "archived"}:
        assert card.thread is not None
        if mishap == "deleted":
            discord.delete(card.thread)
        else:
            discord.archive(card.thread, locked=mishap == "locked")
    await athena.progress(task, "pi", message="further on")
    await athena.ask("POST", f"/api/tasks/{task}/release", {"instance": "pi"})
    back = await discord.wait_for_message("Given back by pi")
    await run_to_the_end(athena, task)
    end = await discord.wait_for_message(f"✅ Task #{task} completed")
    assert end.reply_to is card
    if mishap == "archived":
        assert back.channel is card.thread
    else:
        assert back.channel in (channel, card.thread)


async def test_missing_lesser_rights_have_a_way_around(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """Without files or history the words are told all the same."""
    channel = discord.channel("claude-tasks")
    task = await athena.submit()
    await athena.card(task)
    discord.deny(channel, Permission.ATTACH_FILES, Permission.READ_MESSAGE_HISTORY)
    await athena.until_discord_is("failed")
    await athena.claim(task)
    await athena.complete(task, notes="word " * 1_000)
    await discord.wait_for_message(f"✅ Task #{task} completed")


async def test_one_failing_task_does_not_hold_up_others(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """What Discord never takes of one task is passed over; the others go on meanwhile."""
    bad = await athena.submit("bad")
    card = await athena.card(bad)
    discord.faults.fail(f"PATCH /channels/*/messages/{card.id}", status=500, times=None)
    await athena.claim(bad)
    for _ in range(3):
        task = await athena.submit("good")
        await athena.card(task)
        await run_to_the_end(athena, task)
        await discord.wait_for_message(f"✅ Task #{task} completed", timeout_seconds=25)


async def test_rate_limits_are_honoured(
    start_athena: StartAthena, tmp_path: Any, discord: DiscordStandIn
) -> None:
    """A 429 delays what is told and loses nothing."""
    athena = await start_athena()
    discord.faults.rate_limit("POST /channels/*/messages", times=3, retry_after=0.3)
    task = await athena.submit()
    await athena.card(task)
    await run_to_the_end(athena, task)
    await discord.wait_for_message(f"✅ Task #{task} completed", timeout_seconds=30)
    assert len(telling(discord, f"✅ Task #{task} completed")) == 1


async def test_refused_message_is_passed_over(athena: Athena, discord: DiscordStandIn) -> None:
    """What Discord refuses again and again is given up, and logged; later news goes on."""
    task, other = await athena.submit("refused"), await athena.submit("fine")
    card = await athena.card(task)
    await athena.claim(task)
    await discord.wait_for_message(f"Task #{task} claimed")
    path = f"/channels/{card.channel.id}/messages"
    fault = discord.faults.fail(f"POST {path}", status=400, times=None)
    await athena.complete(task)
    await _logged(athena, "events passed over")
    fault.lift()

    await athena.ask("POST", f"/api/tasks/{task}/retry")
    await run_to_the_end(athena, task)
    await discord.wait_for_message(f"✅ Task #{task} completed")
    await athena.card(other)
    assert len(telling(discord, f"✅ Task #{task} completed")) == 1


async def test_card_that_is_refused_keeps_back_no_end(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """Without a card there is nothing to reply to; the submitter is told all the same."""
    fault = discord.faults.fail("POST /channels/*/messages", status=400, times=1)
    await discord.slash(alice, "task", description="odd")
    await discord.wait_for(lambda _: fault.spent)
    await run_to_the_end(athena, 1)
    end = await discord.wait_for_message("✅ Task #1 completed")
    assert discord.state.pings_of(alice) == [end]


async def _logged(athena: Athena, text: str, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if text in athena.server.log.read_text():
                return
            await asyncio.sleep(0.1)
