"""Only whom the settings name may act, whatever Discord has let through."""

from __future__ import annotations

from tests.bot.conftest import Athena, StartAthena
from tests.fakes.discord import DiscordStandIn, User


async def test_only_named_roles_may_act(start_athena: StartAthena, discord: DiscordStandIn) -> None:
    """Commands, buttons, forms and suggestions refuse everybody else, and tell them nothing."""
    dev, boss_role = discord.role("Dev"), discord.role("Boss")
    dana, boss = discord.member("dana", dev), discord.member("boss", boss_role)
    eve = discord.member("eve")
    athena = await start_athena(
        DISCORD_GUILD_IDS=str(discord.guild.id),
        DISCORD_ROLES="dev",
        DISCORD_USERS="somebody-else",
        DISCORD_ADMIN_ROLES="boss",
    )
    task = await athena.submit("Secret-plan")
    card = await athena.card(task)

    for refused in (
        await discord.slash(eve, "task", description="mine"),
        await discord.slash(eve, "task"),
        await discord.slash(eve, "show", id=str(task)),
        await discord.slash(eve, "queue"),
        await discord.slash(eve, "status"),
        await discord.slash(eve, "cancel", id=str(task)),
    ):
        assert "may not use Athena" in refused.text
        assert refused.ephemeral
        assert "Secret" not in refused.text
    assert await discord.autocomplete(eve, "show", "id", "secret") == []
    assert "may not" in (await discord.press(eve, card, "Cancel")).text
    assert "may not" in (await discord.press(eve, card, "Show")).text
    message = await discord.say(eve, "queue me")
    assert "may not" in (await discord.message_menu(eve, "Queue as task", message)).text
    assert (await athena.ask("GET", "/api/tasks?status=all")).body["tasks"][0]["id"] == task

    assert "queued" in (await discord.slash(dana, "task", description="ok")).text
    assert "admin roles" in (await discord.slash(dana, "pause")).text
    assert "paused" in (await discord.slash(boss, "pause")).text

    # Rights are looked at anew: a role that was taken away no longer counts.
    form = await discord.slash(dana, "task")
    discord.take(dana, dev)
    late = await discord.submit_modal(dana, form, {"Description": "too late"})
    assert "may not" in late.text


async def test_users_may_be_named(start_athena: StartAthena, discord: DiscordStandIn) -> None:
    """A user by id, without any role."""
    alice, bob = discord.member("alice"), discord.member("bob")
    await start_athena(DISCORD_USERS=str(alice.id))
    assert "queued" in (await discord.slash(alice, "task", description="x")).text
    assert "may not" in (await discord.slash(bob, "task", description="x")).text


async def test_other_guilds_are_refused(start_athena: StartAthena, discord: DiscordStandIn) -> None:
    """A bot that was invited elsewhere obeys only where it is meant to."""
    elsewhere = discord.add_guild("Elsewhere", channels=("claude-tasks",))
    mallory = discord.member("mallory", guild=elsewhere)
    athena = await start_athena(DISCORD_GUILD_IDS=str(discord.guild.id))
    task = await athena.submit()
    card = await athena.card(task)
    assert card.channel.guild is discord.guild

    there = discord.channel("claude-tasks", elsewhere)
    stray = await discord.say(mallory, "hello", in_=there)
    stray.components = card.components
    pressed = await discord.press(mallory, stray, "Cancel")
    assert "does not work for this server" in pressed.text
    assert (await athena.ask("GET", f"/api/tasks/{task}")).body["status"] == "pending"


async def test_card_stands_where_the_task_was_submitted(
    start_athena: StartAthena, discord: DiscordStandIn
) -> None:
    """Of several guilds the one where somebody asked for it; tasks of the API go to the first."""
    second = discord.add_guild("Second", channels=("claude-tasks", "general"))
    ids = f"{discord.guild.id},{second.id}"
    bob = discord.member("bob", guild=second)
    athena = await start_athena(DISCORD_GUILD_IDS=ids)

    general = discord.channel("general", second)
    await discord.slash(bob, "task", in_=general, description="from the second")
    here = await discord.wait_for_message(
        "from the second", in_=discord.channel("claude-tasks", second)
    )
    await athena.submit("from the API")
    there = await discord.wait_for_message("from the API", in_=discord.channel("claude-tasks"))

    assert here.channel.guild is second
    assert there.channel.guild is discord.guild


async def test_hostile_texts_stay_in_their_place(athena: Athena, alice: User) -> None:
    """No text of a task, note or result mentions anyone, breaks out, or is refused."""
    discord = athena.discord
    mods = discord.role("mods", mentionable=True)
    nasty = (
        f"@everyone @here <@{alice.id}> <@&{mods.id}> ``` **b** ||s|| [x](http://evil.example) "
        "# h \u202egnp שלום 👨‍👩‍👧 " * 30
    )
    answer = await discord.slash(alice, "task", description=nasty)
    assert "queued" in answer.text
    card = await athena.card(1)
    await athena.claim(1)
    await athena.progress(1, message=nasty[:1_900], percent=10)
    await athena.complete(1, notes=nasty, result={"success": True, "branch": nasty})
    end = await discord.wait_for_message("✅ Task #1 completed")
    shown = [await discord.slash(alice, name) for name in ("queue", "done", "status")]
    shown.append(await discord.slash(alice, "show", id="1"))

    assert list(end.pings.notified) == [alice]
    pinged = [m for m in discord.state.messages if m.pings.notified and m is not end]
    assert pinged == []
    assert end.content.count("```") == 2
    assert [a.content for a in end.attachments] == [nasty.encode()]
    assert "evil.example" in card.text


async def test_secrets_stand_in_no_message(athena: Athena, alice: User) -> None:
    """A token that a worker's output carries along is taken out everywhere."""
    discord = athena.discord
    key = "ath_" + "s3cr3tK3y" * 3
    for name, secret in {"key": key, "own key": athena.server.key}.items():
        discord.forbid(secret, name)
    leak = f"token {discord.state.token} key {key} and {athena.server.key}"

    await discord.slash(alice, "task", description=leak, in_=discord.channel("general"))
    await athena.card(1)
    await athena.claim(1)
    await athena.progress(1, message=leak)
    await athena.complete(1, notes=f"{leak}\n" * 100)

    end = await discord.wait_for_message("✅ Task #1 completed")
    assert "redacted" in end.text
    for command in ("show", "why"):
        await discord.slash(alice, command, id="1")
    await discord.autocomplete(alice, "show", "id", "token")
    assert discord.violations == []
