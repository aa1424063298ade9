"""What people can and cannot do, and what the stand-in tells of it."""

from __future__ import annotations

import pytest

from tests.fakes.discord import DiscordStandIn, Impossible, NoAnswer, Permission, User
from tests.fakes.discord_stand_in.plain_http import Rest, button, row


async def test_rights_come_from_roles_and_overwrites(discord: DiscordStandIn, alice: User):
    """@everyone, roles, the channel's overwrites; the owner and administrators may everything."""
    channel = discord.channel("general")
    role = discord.role("mods", Permission.MANAGE_THREADS)
    assert not channel.allows(alice, Permission.MANAGE_THREADS)

    discord.give(alice, role)
    assert channel.allows(alice, Permission.MANAGE_THREADS, Permission.SEND_MESSAGES)
    discord.take(alice, role)
    assert not channel.allows(alice, Permission.MANAGE_THREADS)

    admin = discord.member("admin", discord.role("admins", Permission.ADMINISTRATOR))
    assert channel.allows(admin, Permission.MANAGE_GUILD)
    assert channel.allows(discord.guild.owner, Permission.MANAGE_GUILD)
    discord.leave(alice)
    assert not channel.allows(alice, Permission.VIEW_CHANNEL)


async def test_denied_rights_add_up(discord: DiscordStandIn):
    """`deny` takes more each time, `allow` gives all back; threads follow their channel."""
    channel = discord.channel("general")
    discord.deny(channel, Permission.EMBED_LINKS)
    discord.deny(channel, Permission.ATTACH_FILES)
    assert not channel.allows(discord.bot, Permission.EMBED_LINKS)
    assert not channel.allows(discord.bot, Permission.ATTACH_FILES)

    discord.allow(channel)

    assert channel.allows(discord.bot, Permission.EMBED_LINKS, Permission.ATTACH_FILES)


async def test_what_cannot_be_pressed(
    discord: DiscordStandIn, rest: Rest, messages: str, alice: User
):
    """Disabled buttons, links, what is not there, what has two meanings, what is deleted."""
    link = {"type": 2, "style": 5, "label": "Docs", "url": "https://example.com"}
    off = button(label="Off", custom_id="off", disabled=True)
    parts = row(off, link, button(label="Go one"), button(label="Go two", custom_id="two"))
    await rest("POST", messages, {"content": "x", **parts})
    (message,) = discord.state.messages

    for wanted in ("Off", "Docs", "Nothing", "Go"):
        with pytest.raises(Impossible):
            discord.start_press(alice, message, wanted)
    discord.delete(message)
    with pytest.raises(Impossible):
        discord.start_press(alice, message, "Go one")


async def test_unknown_commands(discord: DiscordStandIn, alice: User):
    """Nothing is registered, nothing is offered."""
    message = await discord.say(alice, "x")

    with pytest.raises(Impossible):
        await discord.slash(alice, "task")
    with pytest.raises(Impossible):
        await discord.message_menu(alice, "Queue as task", message)


async def test_no_bot_is_no_answer(alice: User, discord: DiscordStandIn):
    """A command that nobody hears fails after the deadline, and says why."""
    stored = {"name": "task", "type": 1, "description": "d"}
    discord.state.commands.overwrite(None, [stored], discord.state.application_id)
    interaction = discord.start_slash(alice, "task")

    with pytest.raises(NoAnswer, match="no bot is connected"):
        await discord.outcome(interaction)
    assert discord.unanswered == [interaction]


async def test_files_and_replies_of_people(discord: DiscordStandIn, alice: User):
    """A person's message can carry files and answer another."""
    first = await discord.say(alice, "look", files={"a b.txt": b"hello"})

    reply = await discord.say(discord.member("bob"), "seen", reply_to=first)

    assert first.text == "look\n[file a_b.txt]"
    assert reply.reply_to is first
    assert discord.state.pings_of(alice) == [reply]


async def test_state_as_text(discord: DiscordStandIn, rest: Rest, messages: str, alice: User):
    """Channels, threads, edits, pings, buttons, violations and refusals can be read."""
    body = {"content": f"Task for {alice.mention}", **row(button(label="Cancel"))}
    _, sent = await rest("POST", messages, body)
    await rest("PATCH", f"{messages}/{sent['id']}", {"content": "first\nsecond"})
    await rest("POST", f"{messages}/{sent['id']}/threads", {"name": "Task #1"})
    discord.archive(discord.channel("Task #1"))
    await discord.say(alice, "well", reply_to=discord.state.messages[0])
    await rest("POST", messages, {})

    text = discord.describe()

    for words in (
        "#general",
        "athena: first",
        "second",
        "edited 1x",
        "pings @alice",
        "[Cancel]",
        "#Task #1",
        "archived",
        f"reply to {sent['id']}",
        "! violation [body]",
        "! refused 50006",
    ):
        assert words in text


async def test_waiting_in_vain_shows_the_state(discord: DiscordStandIn):
    """A condition that does not come true fails with all that is there to see."""
    with pytest.raises(AssertionError, match="#claude-tasks"):
        await discord.wait_for(lambda _: False, 0.05)
