"""What Discord accepts as commands, asked by plain HTTP."""

from __future__ import annotations

import pytest

from tests.fakes.discord import DiscordStandIn
from tests.fakes.discord_stand_in.plain_http import (
    Json,
    Rest,
    choices,
    command,
    option,
)

BAD_COMMANDS: list[tuple[str, list[Json]]] = [
    ("upper case", [command(name="Task")]),
    ("a space", [command(name="my task")]),
    ("name too long", [command(name="x" * 33)]),
    ("no description", [command(description="")]),
    ("description too long", [command(description="x" * 101)]),
    ("twice", [command(), command()]),
    ("26 options", [command(options=[option(name=f"o{n}") for n in range(26)])]),
    ("26 choices", [command(options=[option(choices=choices(26))])]),
    ("choice too long", [command(options=[option(choices=[{"name": "c", "value": "x" * 101}])])]),
    ("required last", [command(options=[option(), option(name="b", required=True)])]),
    (
        "8001 characters",
        [command(options=[option(name=f"o{n}", choices=choices(25, "v" * 90)) for n in range(4)])],
    ),
    ("a menu with a description", [{"name": "Queue as task", "type": 3, "description": "no"}]),
    ("101 commands", [command(name=f"c{n}") for n in range(101)]),
]


@pytest.mark.parametrize(
    "commands", [case[1] for case in BAD_COMMANDS], ids=[case[0] for case in BAD_COMMANDS]
)
async def test_malformed_command(discord: DiscordStandIn, rest: Rest, commands: list[Json]):
    """A bad set of commands is refused whole."""
    path = f"/applications/{discord.state.application_id}/commands"

    status, answer = await rest("PUT", path, commands)

    assert (status, answer["code"]) == (400, 50035)
    assert discord.violations
    assert discord.state.commands.scope().names == []


async def test_daily_quota_of_new_commands(discord: DiscordStandIn, rest: Rest):
    """200 new commands a day and scope; what is only rewritten does not count."""
    path = f"/applications/{discord.state.application_id}/guilds/{discord.guild.id}/commands"
    for first in (0, 0, 100):
        body = [command(name=f"c{n}") for n in range(first, first + 100)]
        assert (await rest("PUT", path, body))[0] == 200

    status, answer = await rest("PUT", path, [command(name="one-more")])

    assert (status, answer["code"]) == (429, 30034)
    assert discord.state.commands.scope(discord.guild.id).puts == 3


async def test_single_commands(discord: DiscordStandIn, rest: Rest):
    """Create, replace, change, read and delete one; the id stays while the name does."""
    path = f"/applications/{discord.state.application_id}/commands"
    status, made = await rest("POST", path, command())
    assert status == 201
    status, replaced = await rest("POST", path, command(description="Another"))
    assert (status, replaced["id"]) == (200, made["id"])
    one = f"{path}/{made['id']}"

    assert (await rest("PATCH", one, {"name": "No Job"}))[0] == 400
    _, changed = await rest("PATCH", one, {"name": "job"})

    assert (changed["id"], changed["name"]) == (made["id"], "job")
    assert (await rest("GET", one))[1] == changed
    assert (await rest("DELETE", one))[0] == 204
    assert (await rest("GET", one))[1]["code"] == 10063
    assert (discord.state.commands.puts, discord.state.commands.writes) == (0, 4)


async def test_scopes_are_apart(discord: DiscordStandIn, rest: Rest):
    """A guild's commands and the global ones both stand in the picker: duplicates are seen."""
    application = f"/applications/{discord.state.application_id}"

    await rest("PUT", f"{application}/commands", [command()])
    await rest("PUT", f"{application}/guilds/{discord.guild.id}/commands", [command()])

    names = [each["name"] for each in discord.state.commands.offered(discord.guild.id)]
    assert names == ["task", "task"]
    assert [each["name"] for each in discord.state.commands.offered(None)] == ["task"]


async def test_another_applications_commands(rest: Rest):
    """A bot writes its own commands alone."""
    assert (await rest("PUT", "/applications/1/commands", []))[1]["code"] == 50001
