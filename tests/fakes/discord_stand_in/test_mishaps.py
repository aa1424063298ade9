"""What the real discord.py does when this Discord misbehaves: each mishap is the real one."""

from __future__ import annotations

import pytest

from tests.fakes.discord import DiscordStandIn, NoAnswer, User
from tests.fakes.discord_stand_in.conftest import BotProcess, StartBot

SEND = "POST /channels/*/messages"


async def test_rate_limited_request_is_repeated(
    discord: DiscordStandIn, bot: BotProcess, alice: User
):
    """429 with Retry-After is waited for; the message comes once."""
    fault = discord.faults.rate_limit(SEND, times=2, retry_after=0.05)

    await discord.slash(alice, "card", text="Task #1")

    assert fault.hits == 2
    assert [r.status for r in discord.state.requests_to("POST", "/messages")][:3] == [429, 429, 200]
    assert len(discord.channel("general").messages) == 1


async def test_lost_answer_is_not_sent_twice(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """The nonce of channel.send makes the repeated request give the first message."""
    discord.faults.lose_answer(SEND, status=502)

    await discord.slash(alice, "card", text="Task #1")

    assert [r.status for r in discord.state.requests_to("POST", "/messages")][:2] == [502, 200]
    assert len(discord.channel("general").messages) == 1


async def test_lost_followup_is_sent_twice(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """Follow-ups have no nonce: the repeated one is a second message (a fact bots must mind)."""
    fault = discord.faults.lose_answer("POST /webhooks/*/*", status=502)

    answer = await discord.slash(alice, "slow")

    await discord.wait_for(lambda _: len(answer.followups) == 2)
    assert fault.hits == 1
    assert [message.content for message in answer.followups] == ["done at last"] * 2


async def test_broken_connection(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """A connection that breaks before the answer is an error in the bot, and nothing was done."""
    discord.faults.drop("POST /interactions/**")

    with pytest.raises(NoAnswer):
        await discord.slash(alice, "task", description="Deploy")

    assert bot.alive
    assert discord.state.messages == []


async def test_late_answer_is_unknown(start_bot: StartBot):
    """After the deadline the interaction is gone: 10062, and the person sees a failure."""
    async with DiscordStandIn(interaction_deadline_seconds=0.5) as discord:
        await start_bot(discord)
        await discord.wait_connected()
        discord.faults.delay("POST /interactions/**", seconds=1)

        interaction = discord.start_slash(discord.member("alice"), "task", description="Deploy")
        with pytest.raises(NoAnswer):
            await discord.outcome(interaction)

        await discord.wait_for(lambda _: interaction.late)
        assert [refusal.code for refusal in discord.refusals] == [10062]


async def test_silence_is_no_answer(start_bot: StartBot):
    """A command that the bot never answers fails before the person's eyes."""
    async with DiscordStandIn(interaction_deadline_seconds=0.5) as discord:
        await start_bot(discord)
        await discord.wait_connected()

        with pytest.raises(NoAnswer):
            await discord.slash(discord.member("alice"), "silent")


async def test_same_interaction_twice(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """The second answer to one interaction is refused with 40060."""
    answer = await discord.slash(alice, "task", description="Deploy")

    discord.deliver_again(answer)

    await discord.wait_for(lambda _: answer.double_answers == 1)
    assert [refusal.code for refusal in discord.refusals] == [40060]
    assert len(discord.state.messages) == 1


async def test_token_of_an_interaction_expires(
    discord: DiscordStandIn, bot: BotProcess, alice: User
):
    """15 minutes after the press its webhook answers 401 50027."""
    late = discord.faults.delay("POST /webhooks/**", seconds=0.5)
    interaction = discord.start_slash(alice, "slow")
    await discord.wait_for(lambda _: interaction.acknowledged and late.hits)

    discord.state.clock.advance(minutes=16)

    await discord.wait_for(lambda s: [refusal.code for refusal in s.refusals] == [50027])


@pytest.mark.parametrize("mishap", ["reconnect", "close", "cut", "invalid-resumable"])
async def test_lost_connection_is_resumed(
    discord: DiscordStandIn, bot: BotProcess, alice: User, mishap: str
):
    """Opcode 7, a close code and a broken network end in RESUME, and no second IDENTIFY."""
    {
        "reconnect": discord.gateway.ask_to_reconnect,
        "close": discord.gateway.drop,
        "cut": discord.gateway.cut,
        "invalid-resumable": lambda: discord.gateway.invalidate(resumable=True),
    }[mishap]()

    await discord.wait_for(lambda _: discord.gateway.resumes == 1)
    await discord.wait_connected()

    assert (await discord.slash(alice, "task", description="Deploy")).text
    assert discord.gateway.identifies == 1


async def test_invalid_session_is_identified_anew(
    discord: DiscordStandIn, bot: BotProcess, alice: User
):
    """Opcode 9 without leave to resume."""
    discord.gateway.invalidate()

    await discord.wait_for(lambda _: discord.gateway.identifies == 2)
    await discord.wait_connected()

    assert (await discord.slash(alice, "task", description="Deploy")).text
    assert discord.gateway.resumes == 0


async def test_missed_events_are_replayed(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """What happens while a bot is cut off reaches it when it resumes."""
    discord.gateway.away = True
    discord.gateway.cut()
    await discord.wait_for(lambda _: not discord.gateway.connected)

    interaction = discord.start_slash(alice, "task", description="Deploy")
    discord.gateway.away = False

    assert (await discord.outcome(interaction)).text == "Deploy (medium)"


async def test_service_away_and_back(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """Everything is gone, then there again on the same port; sessions forgotten."""
    port = discord.port
    await discord.go_away()
    assert not discord.gateway.connected

    await discord.come_back(forgetful=True)

    assert discord.port == port
    await discord.wait_for(lambda _: discord.gateway.identifies == 2)
    await discord.wait_connected()
    assert (await discord.slash(alice, "task", description="Deploy")).text


async def test_zombie_connection_is_noticed(start_bot: StartBot):
    """A gateway that says nothing more, not even ACKs, is left by a client that watches it."""
    async with DiscordStandIn(heartbeat_seconds=0.2) as discord:
        await start_bot(discord, HEARTBEAT_TIMEOUT="1")
        await discord.wait_for(lambda _: discord.gateway.connected and discord.gateway.heartbeats)

        before = discord.gateway.resumes
        discord.gateway.become_zombie()

        await discord.wait_for(lambda _: discord.gateway.resumes > before)


async def test_bad_token(discord: DiscordStandIn, start_bot: StartBot):
    """REST answers a wrong token with 401."""
    bot = await start_bot(discord, ATHENA_DISCORD_TOKEN="wrong")

    assert await bot.ended() == (3, "LoginFailure\n")
    assert discord.refusals[0].request.status == 401


async def test_token_refused_by_the_gateway(discord: DiscordStandIn, start_bot: StartBot):
    """4004 ends the client for good."""
    discord.gateway.refuse_next(4004)

    bot = await start_bot(discord)

    code, output = await bot.ended()
    assert (code, output.splitlines()[-1]) == (3, "ConnectionClosed")


async def test_privileged_intent_refused(discord: DiscordStandIn, start_bot: StartBot):
    """An intent that is not switched on for the application closes with 4014."""
    bot = await start_bot(discord, INTENTS=str(1 | 1 << 15))

    code, output = await bot.ended()
    assert (code, output.splitlines()[-1]) == (3, "PrivilegedIntentsRequired")


async def test_deleted_places(discord: DiscordStandIn, bot: BotProcess, alice: User):
    """A channel that is deleted under the bot's hands is unknown to it: 10003."""
    slow = discord.faults.delay(SEND, seconds=0.3, times=1)
    interaction = discord.start_slash(alice, "card", text="Task #1")
    await discord.wait_for(lambda _: slow.hits)

    discord.delete(discord.channel("general"))

    await discord.wait_for(lambda _: interaction.settled)
    assert interaction.text == "failed: 404 10003"
