"""The stand-in is Discord enough for the real discord.py: the ways of a working bot."""

from __future__ import annotations

import pytest

from tests.fakes.discord import Callback, DiscordStandIn, Impossible, Permission, User
from tests.fakes.discord.forms import FieldValue
from tests.fakes.discord.offers import OptionValue
from tests.fakes.discord_stand_in.conftest import StartBot

pytestmark = pytest.mark.usefixtures("bot")


async def test_commands_are_registered_once(discord: DiscordStandIn):
    """`tree.sync()` is one PUT, and every body of the start is clean."""
    names = discord.state.commands.scope().names

    assert {"task", "show", "Queue as task"} <= set(names)
    assert discord.state.commands.puts == 1
    assert discord.violations == []


async def test_slash_command_is_answered_in_public(discord: DiscordStandIn, alice: User):
    """A command's answer is a message in the channel, and can be pressed."""
    answer = await discord.slash(alice, "task", description="Deploy", priority="high")

    assert answer.text == "Deploy (high)"
    assert not answer.ephemeral
    assert [button.label for button in answer.buttons] == ["Cancel", "Why?"]
    assert discord.violations == []


async def test_form_opens_and_is_submitted(discord: DiscordStandIn, alice: User):
    """A modal is an outcome of its own; its submission is a new interaction."""
    form = await discord.slash(alice, "task")
    assert form.modal is not None
    assert form.modal.title == "New task"

    sent = await discord.submit_modal(alice, form, {"Description": "long\ntext"})

    assert sent.content == "queued: long\ntext"
    assert discord.violations == []


async def test_empty_form_cannot_be_sent(discord: DiscordStandIn, alice: User):
    """A required field holds the form back, as it does in Discord."""
    form = await discord.slash(alice, "task")

    with pytest.raises(Impossible, match="required"):
        await discord.submit_modal(alice, form, {"Description": ""})


async def test_form_with_every_kind_of_field(discord: DiscordStandIn, alice: User):
    """Selects, radio buttons, check boxes and files reach the bot; options go by their labels."""
    form = await discord.slash(alice, "survey")
    file = await discord.attach("notes.txt", b"x")

    sent = await discord.submit_modal(
        alice,
        form,
        {"Level": "High", "Way": "down", "Parts": ["a", "b"], "Sure": True, "Files": file},
    )

    assert sent.content == "['high'] down ['a', 'b'] True ['notes.txt']"
    assert discord.violations == []


async def test_form_keeps_what_stands_in_it(discord: DiscordStandIn, alice: User):
    """Fields that a person leaves alone send what the bot had filled in."""
    form = await discord.slash(alice, "survey")

    sent = await discord.submit_modal(alice, form, {"Way": "up", "Parts": "b"})

    assert sent.content == "['high'] up ['b'] True []"


async def test_form_holds_wrong_picks_back(discord: DiscordStandIn, alice: User):
    """What is not offered, or is too much, cannot be sent; nor can another person's form."""
    form = await discord.slash(alice, "survey")
    good: dict[str, FieldValue] = {"Level": "High", "Way": "up", "Parts": "a"}

    wrong: list[dict[str, FieldValue]] = [
        {"Level": "Low"},
        {"Level": []},
        {"Parts": ["a", "b", "a"]},
        {"Nothing": "x"},
    ]
    for bad in wrong:
        with pytest.raises((Impossible, LookupError)):
            await discord.submit_modal(alice, form, {**good, **bad})
    with pytest.raises(Impossible):
        await discord.submit_modal(discord.member("bob"), form, good)


async def test_options_of_every_kind(discord: DiscordStandIn, alice: User):
    """People, roles and channels arrive resolved."""
    role, place = discord.role("dev"), discord.channel("claude-tasks")

    answer = await discord.slash(alice, "kinds", person=alice, role=role, place=place, share=0.5)

    assert answer.content == "Alice dev claude-tasks 0.5 none"


async def test_options_that_the_client_refuses(discord: DiscordStandIn, alice: User):
    """Missing, unknown, of another type, out of range, or not among the choices."""
    role, place = discord.role("dev"), discord.channel("claude-tasks")
    good: dict[str, OptionValue] = {"person": alice, "role": role, "place": place, "share": 0.5}

    wrong: list[dict[str, OptionValue]] = [
        {"share": 2},
        {"share": "x"},
        {"person": role},
        {"word": "x"},
        {"more": 1},
    ]
    for bad in wrong:
        with pytest.raises(Impossible):
            discord.start_slash(alice, "kinds", in_=None, **{**good, **bad})
    with pytest.raises(Impossible, match="requires"):
        discord.start_slash(alice, "kinds")
    with pytest.raises(Impossible, match="choices"):
        discord.start_slash(alice, "task", priority="none")


async def test_subcommand(discord: DiscordStandIn, alice: User):
    """A group is no command by itself; its parts go by two words."""
    answer = await discord.slash(alice, "queue list", page=2)

    assert answer.content == "page 2"
    for wrong in ("queue", "queue nothing"):
        with pytest.raises(Impossible):
            await discord.slash(alice, wrong)


async def test_layout_view(discord: DiscordStandIn, alice: User):
    """Components V2: the words in them are the message's words."""
    answer = await discord.slash(alice, "layout")

    assert answer.text == "in a container"
    assert discord.violations == []


async def test_stale_button(discord: DiscordStandIn, alice: User):
    """A button that is gone from the message can still be pressed in an older client."""
    asked = await discord.slash(alice, "task", description="Deploy")
    await discord.press(alice, asked, "Cancel")

    again = await discord.press_stale(alice, asked.shown, "why")

    assert again.content == "because"


async def test_attached_file_is_read_from_the_cdn(discord: DiscordStandIn, alice: User):
    """The URL of an attachment leads to its bytes."""
    file = await discord.attach("prompt.txt", "do ümläute".encode())

    answer = await discord.slash(alice, "task", file=file)

    assert answer.text == "do ümläute (medium)"


async def test_button_updates_its_message(discord: DiscordStandIn, alice: User):
    """An update edits the message in place and ends its buttons."""
    asked = await discord.slash(alice, "task", description="Deploy")

    pressed = await discord.press(alice, asked, "cancel")

    assert pressed.callback is Callback.UPDATE_MESSAGE
    assert asked.content == "cancelled"
    assert asked.shown.edits == 1
    with pytest.raises(Impossible):
        await discord.press(alice, asked, "Cancel")


async def test_ephemeral_answer_is_for_one_person(discord: DiscordStandIn, alice: User):
    """What is ephemeral stands in nobody else's channel, and nobody else can press it."""
    asked = await discord.slash(alice, "task", description="Deploy")

    pressed = await discord.press(alice, asked, "Why?")

    assert pressed.ephemeral
    assert pressed.shown not in discord.state.messages


async def test_select_menu_with_deferred_update(discord: DiscordStandIn, alice: User):
    """A deferred update is edited through the interaction's own message."""
    asked = await discord.slash(alice, "task", description="Deploy")

    await discord.choose(alice, asked, "Priority", "High")

    await discord.wait_for(lambda _: asked.content == "now high")
    assert discord.violations == []


@pytest.mark.parametrize("hidden", [False, True])
async def test_deferred_answer(discord: DiscordStandIn, alice: User, hidden: bool):
    """The first follow-up takes the place of "thinking…", with its visibility."""
    answer = await discord.slash(alice, "slow", hidden=hidden)

    assert answer.text == "done at last\n[file report.txt]"
    assert answer.ephemeral is hidden
    assert not answer.shown.loading


async def test_autocomplete(discord: DiscordStandIn, alice: User):
    """Suggestions come by the text typed so far."""
    choices = await discord.autocomplete(alice, "show", "id", "71")

    assert [(choice.name, choice.value) for choice in choices] == [("#71", 71)]


async def test_message_menu(discord: DiscordStandIn, alice: User):
    """An entry in a message's menu gets the message with its words, whatever the intents."""
    message = await discord.say(alice, "please fix the build")

    answer = await discord.message_menu(alice, "Queue as task", message)

    assert answer.content == "queued: please fix the build"


async def test_card_with_thread(discord: DiscordStandIn, alice: User):
    """Send, thread, send in the thread with a file, edit, archive: all as Discord has it."""
    await discord.slash(alice, "card", text="Task #1")

    card = await discord.wait_for_message("(edited)")

    assert card.edits == 1
    assert card.thread is not None
    assert [message.text for message in card.thread.messages] == ["in the thread\n[file log.txt]"]
    await discord.wait_for(lambda _: card.thread is not None and card.thread.archived)
    assert discord.violations == []


async def test_pings_are_computed(discord: DiscordStandIn, alice: User):
    """Only whom allowed_mentions names is notified, whatever the text says."""
    mallory = discord.member("mallory")
    text = f"@everyone {alice.mention} {mallory.mention}"

    await discord.slash(alice, "card", text=text, notify=True)
    await discord.wait_for_message("(edited)")

    (card,) = discord.state.pings_of(alice)
    assert card.pings.users == {alice}
    assert not card.pings.everyone
    assert discord.state.pings_of(mallory) == []


async def test_missing_right_is_told(discord: DiscordStandIn, alice: User):
    """A channel where the bot may not send answers 50013."""
    discord.deny(discord.channel("general"), Permission.SEND_MESSAGES)

    answer = await discord.slash(alice, "card", text="Task #1")

    assert answer.text == "failed: 403 50013"
    assert [refusal.code for refusal in discord.refusals] == [50013]


async def test_command_for_moderators(discord: DiscordStandIn, alice: User):
    """default_member_permissions hide a command; an admin of the server may open it to all."""
    with pytest.raises(Impossible, match="not offered"):
        await discord.slash(alice, "pause")
    chief = discord.member("chief", discord.role("mods", Permission.MANAGE_GUILD))
    assert (await discord.slash(chief, "pause")).text == "paused True"

    discord.open_command("pause")

    assert (await discord.slash(alice, "pause")).text == "paused False"


async def test_places_of_a_command(discord: DiscordStandIn, alice: User):
    """Guild-only commands are not offered in DMs, others are; strangers see no guild."""
    with pytest.raises(Impossible, match="DMs"):
        await discord.slash(alice, "pause", in_=discord.dm(alice))
    with pytest.raises(Impossible, match="no member"):
        await discord.slash(discord.stranger("eve"), "task")

    answer = await discord.slash(alice, "task", description="hi", in_=discord.dm(alice))

    assert answer.shown.channel is discord.dm(alice)


async def test_second_guild_is_announced(discord: DiscordStandIn):
    """A guild that invites the bot works at once."""
    other = discord.add_guild("Elsewhere")
    bob = discord.member("bob", guild=other)

    answer = await discord.slash(
        bob, "task", description="hi", in_=discord.channel("general", other)
    )

    assert answer.shown.channel.guild is other


async def test_messages_reach_a_bot_that_asked_for_them(
    discord: DiscordStandIn, alice: User, start_bot: StartBot
):
    """MESSAGE_CREATE needs an intent, and words need a mention or a second, privileged one."""
    guilds_and_messages = str((1 << 0) | (1 << 9))
    await start_bot(discord, INTENTS=guilds_and_messages)
    await discord.wait_for(lambda _: discord.gateway.identifies == 2)
    await discord.wait_connected()

    await discord.say(alice, f"echo {discord.bot.mention}")
    unheard = await discord.say(alice, "echo this")

    echo = await discord.wait_for(
        lambda s: next((m for m in s.messages if m.reply_to is not None), None)
    )
    assert echo.reply_to is not unheard
    assert echo.author is discord.bot
