"""Channels, threads, guilds and rights, asked by plain HTTP."""

from __future__ import annotations

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn, Permission
from tests.fakes.discord.stand_in import INVITED
from tests.fakes.discord_stand_in.plain_http import (
    Json,
    Rest,
    button,
    command,
    embed,
    option,
    row,
)


async def test_what_is_unknown(discord: DiscordStandIn, rest: Rest, messages: str):
    """10008, 10003, 10004, 10007, 10013, each for its own."""
    unknown = {
        f"{messages}/1": 10008,
        "/channels/1": 10003,
        "/guilds/1": 10004,
        f"/guilds/{discord.guild.id}/members/1": 10007,
        "/users/1": 10013,
    }

    codes = {path: (await rest("GET", path))[1]["code"] for path in unknown}

    assert codes == unknown
    assert discord.violations == []


async def test_everything_that_can_be_read(discord: DiscordStandIn, rest: Rest, messages: str):
    """The reading routes answer; their shapes are checked after every test."""
    alice, guild = discord.member("alice", discord.role("dev")), discord.guild
    _, sent = await rest("POST", messages, {**embed(title="t"), **row(button())})
    _, thread = await rest("POST", f"{messages}/{sent['id']}/threads", {"name": "n"})
    await rest("PUT", f"{messages}/{sent['id']}/reactions/%E2%9C%85/@me")
    _, dm = await rest("POST", "/users/@me/channels", {"recipient_id": str(alice.id)})
    application = f"/applications/{discord.state.application_id}/commands"
    await rest("POST", application, command(options=[option(autocomplete=True)]))

    paths = [
        *(f"/guilds/{guild.id}{rest}" for rest in ("", "/channels", "/roles", "/threads/active")),
        *(f"/guilds/{guild.id}/members{rest}" for rest in ("?limit=9", "/search?query=a")),
        *(f"/guilds/{guild.id}/members/{user.id}" for user in (alice, discord.bot)),
        *(f"/channels/{channel}" for channel in (thread["id"], dm["id"], sent["channel_id"])),
        *(f"{messages}{rest}" for rest in ("", f"/{sent['id']}")),
        f"/channels/{thread['id']}/messages",
        f"/channels/{thread['id']}/thread-members",
        f"/channels/{sent['channel_id']}/threads/archived/public",
        *("/users/@me", "/users/@me/guilds", f"/users/{alice.id}", "/gateway", "/gateway/bot"),
        *("/applications/@me", "/oauth2/applications/@me", application),
    ]
    answers = {path: (await rest("GET", path))[0] for path in paths}

    assert answers == dict.fromkeys(paths, 200)
    assert discord.violations == []


async def test_unknown_route_is_a_violation(discord: DiscordStandIn, rest: Rest):
    """A request that Discord would not know is a fault of the bot, or a gap here: both are told."""
    status, _ = await rest("GET", "/nothing/here")

    assert status == 404
    assert [violation.rule for violation in discord.violations] == ["route"]


@pytest.mark.parametrize(
    ("right", "code"),
    [
        (Permission.VIEW_CHANNEL, 50001),
        (Permission.SEND_MESSAGES, 50013),
        (Permission.EMBED_LINKS, 50013),
        (Permission.READ_MESSAGE_HISTORY, 160002),
    ],
)
async def test_missing_rights(
    discord: DiscordStandIn, rest: Rest, messages: str, right: Permission, code: int
):
    """Each right is asked for where Discord asks for it."""
    first = (await rest("POST", messages, {"content": "x"}))[1]
    discord.deny(discord.channel("general"), right)
    reply = {"message_reference": {"message_id": first["id"]}}

    _, answer = await rest("POST", messages, {**embed(title="t"), **reply})

    assert answer["code"] == code


async def test_reply_to_a_deleted_message(discord: DiscordStandIn, rest: Rest, messages: str):
    """Refused, unless the sender says that it may vanish; then it is no reply."""
    reference: Json = {"message_id": "1"}
    body = {"content": "x", "message_reference": reference}
    assert (await rest("POST", messages, body))[1]["code"] == 50035

    reference["fail_if_not_exists"] = False

    assert (await rest("POST", messages, body))[0] == 200
    assert discord.violations == []


async def test_threads(discord: DiscordStandIn, rest: Rest, messages: str):
    """One a message (160004), with its id; archived ones refuse edits (50083), sending revives."""
    _, starter = await rest("POST", messages, {"content": "Task #1"})
    threads = f"{messages}/{starter['id']}/threads"
    status, thread = await rest("POST", threads, {"name": "Task #1"})
    assert (status, thread["id"]) == (201, starter["id"])
    assert (await rest("POST", threads, {"name": "again"}))[1]["code"] == 160004
    inside = f"/channels/{thread['id']}/messages"
    _, said = await rest("POST", inside, {"content": "working"})

    await rest("PATCH", f"/channels/{thread['id']}", {"archived": True})

    edit = await rest("PATCH", f"{inside}/{said['id']}", {"content": "x"})
    assert edit[1]["code"] == 50083
    assert (await rest("PATCH", f"/channels/{thread['id']}", {"name": "x"}))[1]["code"] == 50083
    await rest("POST", inside, {"content": "more"})
    assert (await rest("GET", f"/channels/{thread['id']}"))[1]["thread_metadata"]["archived"] is (
        False
    )


async def test_locked_thread_is_for_moderators(discord: DiscordStandIn, rest: Rest, messages: str):
    """Without Manage Threads a locked thread takes no message."""
    _, starter = await rest("POST", messages, {"content": "Task #1"})
    await rest("POST", f"{messages}/{starter['id']}/threads", {"name": "Task #1"})
    thread = discord.channel("Task #1")

    discord.archive(thread, locked=True)

    answer = await rest("POST", f"/channels/{thread.id}/messages", {"content": "x"})
    assert answer[1]["code"] == 160005


async def test_too_many_threads(discord: DiscordStandIn, rest: Rest, messages: str):
    """160006 when the guild's active threads are used up."""
    discord.state.active_threads_max = 0
    _, starter = await rest("POST", messages, {"content": "Task #1"})

    _, answer = await rest("POST", f"{messages}/{starter['id']}/threads", {"name": "n"})

    assert answer["code"] == 160006


@pytest.mark.parametrize(
    "body",
    [{"name": ""}, {"name": "x" * 101}, {"name": "n", "auto_archive_duration": 61}],
)
async def test_malformed_thread(rest: Rest, messages: str, body: Json):
    """A thread has a name of 1 to 100 characters and one of four durations."""
    _, starter = await rest("POST", messages, {"content": "Task #1"})

    status, answer = await rest("POST", f"{messages}/{starter['id']}/threads", body)

    assert (status, answer["code"]) == (400, 50035)


async def test_channels_are_made_by_right(discord: DiscordStandIn, rest: Rest):
    """A channel needs Manage Channels; its name becomes lower case."""
    path = f"/guilds/{discord.guild.id}/channels"
    assert (await rest("POST", path, {"name": "Claude Tasks"}))[1]["code"] == 50013

    discord.guild.roles[0].permissions |= Permission.MANAGE_CHANNELS

    status, channel = await rest("POST", path, {"name": "Claude Tasks", "topic": "queue"})
    assert (status, channel["name"]) == (201, "claude-tasks")
    one = f"/channels/{channel['id']}"
    assert (await rest("PATCH", one, {"name": "jobs", "topic": None}))[1]["name"] == "jobs"
    assert (await rest("DELETE", one))[0] == 200
    assert (await rest("GET", one))[1]["code"] == 10003


async def test_threads_on_no_message(discord: DiscordStandIn, rest: Rest, messages: str):
    """They are made in a channel, joined, left and deleted with it."""
    channel = discord.channel("general")
    _, thread = await rest("POST", f"/channels/{channel.id}/threads", {"name": "n", "type": 11})
    one = f"/channels/{thread['id']}"

    for method in ("DELETE", "PUT"):
        assert (await rest(method, f"{one}/thread-members/@me"))[0] == 204
    assert (await rest("POST", f"{one}/typing"))[0] == 204
    assert (await rest("POST", f"{one}/threads", {"name": "n", "type": 11}))[1]["code"] == 50024
    assert (await rest("DELETE", one))[1]["code"] == 50013

    discord.delete(channel)

    assert (await rest("GET", one))[1]["code"] == 10003


async def test_direct_messages(discord: DiscordStandIn, rest: Rest):
    """They reach a person, unless the person takes none (50007)."""
    alice = discord.stranger("alice")
    _, dm = await rest("POST", "/users/@me/channels", {"recipient_id": str(alice.id)})
    path = f"/channels/{dm['id']}/messages"
    assert (await rest("POST", path, {"content": "hello"}))[0] == 200

    alice.takes_dms = False

    assert (await rest("POST", path, {"content": "hello"}))[1]["code"] == 50007
    assert [message.text for message in discord.dm(alice).messages] == ["hello"]


async def test_reactions_and_pins(discord: DiscordStandIn, rest: Rest, messages: str):
    """A reaction is the bot's own; a pin needs a right."""
    _, sent = await rest("POST", messages, {"content": "x"})
    reaction = f"{messages}/{sent['id']}/reactions/%E2%9C%85/@me"
    (message,) = discord.state.messages

    assert (await rest("PUT", reaction))[0] == 204
    assert message.reactions == {"✅": [discord.bot]}
    assert (await rest("DELETE", reaction))[0] == 204
    assert message.reactions == {}
    pin = f"{messages}/pins/{sent['id']}"
    assert (await rest("PUT", pin))[1]["code"] == 50013
    discord.guild.roles[0].permissions |= Permission.PIN_MESSAGES
    assert (await rest("PUT", pin))[0] == 204
    assert message.pinned
    assert (await rest("DELETE", pin))[0] == 204


async def test_strict_rate_limits():
    """Five messages in five seconds a channel, then 429; other channels go on."""
    async with DiscordStandIn(rate_limits=True, bot_permissions=INVITED) as discord:
        headers = {"Authorization": f"Bot {discord.state.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            rest = Rest(discord, session)
            here, there = (f"/channels/{c.id}/messages" for c in discord.guild.channels)

            statuses = [(await rest("POST", here, {"content": "x"}))[0] for _ in range(6)]

            assert statuses == [200] * 5 + [429]
            assert (await rest("POST", there, {"content": "x"}))[0] == 200
            assert discord.limits.exceeded == 1


async def test_hidden_limit_of_renames():
    """A third rename or topic within ten minutes is a 429 of minutes, without any warning."""
    async with DiscordStandIn(
        rate_limits=True, bot_permissions=INVITED | Permission.MANAGE_CHANNELS
    ) as discord:
        headers = {"Authorization": f"Bot {discord.state.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            rest = Rest(discord, session)
            path = f"/channels/{discord.channel('general').id}"

            answers = [await rest("PATCH", path, {"name": f"n{number}"}) for number in range(3)]

    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["retry_after"] > 60
