"""The messages of questions: once, in place, in their last state, whatever goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.bot.conftest import Athena, StartAthena
from tests.fakes.discord import DiscordStandIn, Message, Permission, User
from tests.sinks.settling import settled, until_hit
from tests.store.engines import on_both

# Each test starts a server of its own, and some wait for Discord to come back.
pytestmark = pytest.mark.slow


def showing(discord: DiscordStandIn, question: int) -> list[Message]:
    """The messages that show the question."""
    return [m for m in discord.state.messages if f"Question {question}** " in m.content]


async def running_task(athena: Athena) -> int:
    task = await athena.submit()
    await athena.claim(task)
    await athena.discord.wait_for_message(f"Task #{task} claimed")
    return task


async def answer(athena: Athena, question: int, text: str = "SQLite") -> None:
    body = {"answer": text, "answered_by": "carol"}
    await athena.ask("POST", f"/api/questions/{question}/answer", body)


async def until_answered(discord: DiscordStandIn, question: int, seconds: float = 20) -> Message:
    """The message of the question, as soon as it says who has answered."""

    def look(_: Any) -> Message | None:
        found = [m for m in showing(discord, question) if "answered" in m.content]
        return found[0] if found and not found[0].controls else None

    return await discord.wait_for(look, seconds, what=f"an answered question {question}")


@on_both
@pytest.mark.parametrize("minutes", [0, 6])
async def test_kill_while_a_question_is_asked_or_answered(
    athena: Athena, discord: DiscordStandIn, minutes: int
) -> None:
    """Killed while Discord carries it out: one message, which ends with the answer.

    After six minutes Discord has forgotten the nonce: only the history tells.
    """
    task = await running_task(athena)
    question = 1
    for act in (
        lambda: athena.ask_person(task, kind="choice", choices=["SQLite", "PostgreSQL"]),
        lambda: answer(athena, question),
    ):
        fault = discord.faults.delay_answer("/channels/*/messages**", seconds=0.6, times=2)
        await act()
        await until_hit(discord, fault)
        await asyncio.to_thread(athena.server.kill)
        discord.state.clock.advance(minutes=minutes)
        fault.lift()
        await asyncio.to_thread(athena.server.start)
        await athena.until_discord_is("connected")
        await settled(athena)
        assert len(showing(discord, question)) == 1

    message = await until_answered(discord, question)
    assert "**carol** answered" in message.content


async def test_kill_before_discord_has_the_question(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """Begun and never sent: it is sent after the restart, with what can be pressed then."""
    task = await running_task(athena)
    fault = discord.faults.drop("POST /channels/*/messages", times=None)
    question = await athena.ask_person(task)
    await until_hit(discord, fault)
    await asyncio.to_thread(athena.server.kill)
    fault.lift()
    await asyncio.to_thread(athena.server.start)
    message = await athena.question_message(question)
    assert [control.label for control in message.controls] == ["Answer…"]
    await settled(athena)
    assert len(showing(discord, question)) == 1


async def test_question_that_was_edited_before_it_was_recorded(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """A press may change the words of a message while it is not known whether it was sent."""
    task = await running_task(athena)
    fault = discord.faults.delay_answer("POST /channels/*/messages", seconds=0.6, times=None)
    question = await athena.ask_person(task)
    message = await athena.question_message(question)
    await asyncio.to_thread(athena.server.kill)
    fault.lift()
    message.content = message.content.replace("asks", "asked") + "\nsomebody has answered"
    discord.state.clock.advance(minutes=6)
    await asyncio.to_thread(athena.server.start)
    await settled(athena)
    assert showing(discord, question) == [message]
    await answer(athena, question)
    assert await until_answered(discord, question) is message


async def test_lost_answer_asks_nothing_twice(athena: Athena, discord: DiscordStandIn) -> None:
    """Discord carried it out, the answer was lost: it is found, not sent again."""
    task = await running_task(athena)
    discord.faults.lose_answer("POST /channels/*/messages", times=2)
    question = await athena.ask_person(task)
    await settled(athena)
    assert len(showing(discord, question)) == 1
    discord.faults.lose_answer("PATCH /channels/*/messages/*", times=3)
    await answer(athena, question)
    await until_answered(discord, question)


async def test_buttons_work_after_a_restart(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """Nothing of them is kept in memory; nor of a form that was open meanwhile."""
    task = await running_task(athena)
    first = await athena.question_message(await athena.ask_person(task))
    form = await discord.press(alice, first, "Answer…")
    await asyncio.to_thread(athena.server.kill)
    await asyncio.to_thread(athena.server.start)
    await athena.until_discord_is("connected")

    await discord.submit_modal(alice, form, {"Your answer": "by the old form"})
    second = await athena.question_message(await athena.ask_person(task, "And now?"))
    await asyncio.to_thread(athena.server.kill)
    await asyncio.to_thread(athena.server.start)
    await athena.until_discord_is("connected")
    form = await discord.press(alice, second, "Answer…")
    await discord.submit_modal(alice, form, {"Your answer": "by the old button"})

    assert "> by the old form" in first.text
    assert "> by the old button" in second.text


async def test_answered_while_discord_was_away(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """It is told as what it is by now: nobody is mentioned for what is settled."""
    await discord.slash(alice, "task", description="mine")
    await athena.claim(1)
    await discord.wait_for_message("Task #1 claimed")
    await discord.go_away()
    question = await athena.ask_person(1)
    withdrawn = await athena.ask_person(1, "Never mind?")
    await answer(athena, question)
    await athena.ask("POST", f"/api/questions/{withdrawn}/withdraw", {"instance": "macbook-pro"})
    await discord.come_back()

    message = await until_answered(discord, question, 40)
    await settled(athena)

    assert not message.pings
    assert message.edits == 0
    assert showing(discord, withdrawn) == []


@pytest.mark.parametrize("mishap", ["deleted", "locked", "refused"])
async def test_question_without_a_thread_is_asked_in_the_channel(
    athena: Athena, discord: DiscordStandIn, alice: User, mishap: str
) -> None:
    """In reply to the card, with its buttons."""
    channel = discord.channel("claude-tasks")
    if mishap == "refused":
        discord.deny(channel, Permission.CREATE_PUBLIC_THREADS)
        await athena.until_discord_is("failed")
    task = await running_task(athena)
    card = await athena.card(task)
    if mishap != "refused":
        assert card.thread is not None
        if mishap == "deleted":
            discord.delete(card.thread)
        else:
            discord.archive(card.thread, locked=True)

    question = await athena.ask_person(task)

    message = await athena.question_message(question)
    assert message.channel is channel
    assert message.reply_to is card
    form = await discord.press(alice, message, "Answer…")
    await discord.submit_modal(alice, form, {"Your answer": "here"})
    assert "> here" in message.text


async def test_message_that_somebody_has_deleted(athena: Athena, discord: DiscordStandIn) -> None:
    """The answer counts all the same, and the task's story goes on."""
    task = await running_task(athena)
    question = await athena.ask_person(task)
    discord.delete(await athena.question_message(question))
    await answer(athena, question)
    await athena.complete(task)
    await discord.wait_for_message(f"✅ Task #{task} completed")
    assert showing(discord, question) == []


async def test_locked_thread_leaves_the_question_as_it_is(
    athena: Athena, discord: DiscordStandIn
) -> None:
    """What cannot be edited keeps nothing back."""
    task = await running_task(athena)
    question = await athena.ask_person(task)
    message = await athena.question_message(question)
    discord.archive(message.channel, locked=True)
    await answer(athena, question)
    await athena.complete(task)
    await discord.wait_for_message(f"✅ Task #{task} completed")


async def test_removed_task_asks_no_more(athena: Athena, discord: DiscordStandIn) -> None:
    """The buttons go with the task."""
    task = await running_task(athena)
    question = await athena.ask_person(task)
    message = await athena.question_message(question)
    body = {"instance": "macbook-pro", "question": question}
    await athena.ask("POST", f"/api/tasks/{task}/park", body)
    await athena.ask("DELETE", f"/api/tasks/{task}")
    await discord.wait_for(lambda _: not message.controls, what="a question without buttons")
    assert "removed" in message.text


async def test_answer_after_the_thread_was_put_away(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """A parked task waits for days, and Discord archives its thread: the button still works."""
    task = await running_task(athena)
    question = await athena.ask_person(task, kind="choice", choices=["yes", "no"])
    message = await athena.question_message(question)
    body = {"instance": "macbook-pro", "question": question}
    await athena.ask("POST", f"/api/tasks/{task}/park", body)
    await discord.wait_for_message(f"until question {question} is answered")
    await settled(athena)
    discord.archive(message.channel)

    await discord.press(alice, message, "yes")

    await until_answered(discord, question)
    assert (await athena.question(question))["answer"] == "yes"


async def test_follow_up_has_its_card_where_the_first_task_has(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """Of several servers the one where people follow it."""
    second = discord.add_guild("Second", channels=("claude-tasks", "general"))
    bob = discord.member("bob", guild=second)
    athena = await start_athena(DISCORD_GUILD_IDS=f"{discord.guild.id},{second.id}")
    general, cards = discord.channel("general", second), discord.channel("claude-tasks", second)
    await discord.slash(bob, "task", in_=general, description="first part")
    await discord.wait_for_message("first part", in_=cards)
    await athena.claim(1)
    await athena.complete(1)
    await discord.slash(bob, "reply", in_=general, id="1", text="second part")
    await discord.wait_for_message("Task #2 ·", in_=cards)


async def test_sick_instance_says_what_to_do_and_when_it_is_well(
    athena: Athena, discord: DiscordStandIn, alice: User
) -> None:
    """What is wrong, what to do about each of it; and that it can work again."""
    problems = [
        {"code": "signed_out", "detail": "Claude is not signed in", "advice": "run `claude`"},
        {"code": "disk", "detail": "900 MB are free", "advice": "make room @everyone"},
    ]
    sick = {"ok": False, "message": "2 problems", "problems": problems}
    beat = {"instance": "pi", "name": "Pi", "health": sick}
    await athena.ask("POST", "/api/instance/heartbeat", beat)
    told = await discord.wait_for_message("Pi cannot work")
    for part in ("Claude is not signed in", "run `claude`", "900 MB", "make room"):
        assert part in told.text
    assert not told.pings
    assert "not signed in" in (await discord.slash(alice, "status")).text

    await athena.ask("POST", "/api/instance/heartbeat", {**beat, "health": {"ok": True}})

    await discord.wait_for_message("Pi can work again")
    assert "🩺" not in (await discord.slash(alice, "status")).text
