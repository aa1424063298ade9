"""Answers to interactions, asked by plain HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.discord import DiscordStandIn, Interaction, Kind
from tests.fakes.discord_stand_in.plain_http import (
    Json,
    Rest,
    choices,
    row,
)


def words(**parts: Any) -> Json:
    return {"type": 4, "custom_id": "w", "style": 1, **parts}


def labelled(component: Json, label: str = "Words") -> Json:
    return {"type": 18, "label": label, "component": component}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"title": "x" * 46}, "title"),
        ({"components": []}, "components"),
        ({"custom_id": ""}, "custom_id"),
        ({"components": [{"type": 1, "components": []}]}, "components.0.components"),
        ({"components": [{"type": 2}]}, "components.0.type"),
        ({"components": [labelled({"type": 2})]}, "components.0.component.type"),
        ({"components": [labelled(words(), label="x" * 46)]}, "components.0.label"),
        ({"components": [labelled(words(label="x"))]}, "components.0.component.label"),
        ({"components": [labelled(words(style=3))]}, "components.0.component.style"),
        ({"components": [labelled(words(max_length=4001))]}, "components.0.component.max_length"),
        ({"components": [labelled(words(value="x" * 4001))]}, "components.0.component.value"),
        ({"components": [labelled(words())] * 2}, "components"),
        ({"components": [labelled(words())] * 6}, "components"),
    ],
)
async def test_malformed_form(discord: DiscordStandIn, rest: Rest, data: Json, place: str):
    """A form's parts have their limits."""
    field = {"type": 4, "custom_id": "f", "style": 1, "label": "What"}
    good: Json = {"custom_id": "m", "title": "T", **row(field)}

    path, _ = _interaction(discord)
    status, answer = await rest("POST", path, {"type": 9, "data": {**good, **data}})

    assert status == 400
    node = answer["errors"]["data"]
    for step in place.split("."):
        node = node[step]
    assert node["_errors"]


async def test_answers_of_the_wrong_type(discord: DiscordStandIn, rest: Rest):
    """A command takes no update and no suggestions; what is wrong is a violation."""
    path, interaction = _interaction(discord)

    for callback in (1, 6, 7, 8):
        status, _ = await rest("POST", path, {"type": callback, "data": {"content": "x"}})
        assert status == 400

    assert not interaction.acknowledged
    assert len(discord.violations) == 4
    assert (await rest("POST", path, {"type": 4, "data": {"content": "x"}}))[0] == 204


async def test_webhook_of_an_interaction(discord: DiscordStandIn, rest: Rest):
    """Unknown before the first answer; then it edits, follows up and deletes; ephemeral messages
    are unknown to the bot's own token.
    """
    path, interaction = _interaction(discord)
    webhook = f"/webhooks/{discord.state.application_id}/{interaction.token}"
    assert (await rest("POST", webhook, {"content": "x"}))[1]["code"] == 10015
    await rest("POST", path, {"type": 4, "data": {"content": "x", "flags": 64}})

    _, edited = await rest("PATCH", f"{webhook}/messages/@original", {"content": "y"})
    _, more = await rest("POST", webhook, {"content": "more"})

    assert edited["content"] == interaction.content == "y"
    own = f"/channels/{interaction.channel.id}/messages/{edited['id']}"
    assert (await rest("PATCH", own, {"content": "z"}))[1]["code"] == 10008
    assert (await rest("DELETE", f"{webhook}/messages/{more['id']}"))[0] == 204
    assert discord.state.messages == []


async def test_suggestions_are_checked(discord: DiscordStandIn, rest: Rest):
    """At most 25, of at most 100 characters; nothing else answers an autocomplete."""
    path, interaction = _interaction(discord)
    interaction.kind = Kind.AUTOCOMPLETE

    too_many = {"type": 8, "data": {"choices": choices(26)}}
    assert (await rest("POST", path, too_many))[0] == 400
    assert (await rest("POST", path, {"type": 4, "data": {"content": "x"}}))[0] == 400
    assert (await rest("POST", path, {"type": 8, "data": {"choices": choices(2)}}))[0] == 204

    assert [choice.name for choice in interaction.choices] == ["c0", "c1"]


async def test_unknown_interactions(discord: DiscordStandIn, rest: Rest):
    """A wrong token, and one whose time is over, are 10062."""
    path, interaction = _interaction(discord)
    answer = {"type": 4, "data": {"content": "x"}}
    assert (await rest("POST", "/interactions/1/x/callback", answer))[1]["code"] == 10062

    discord.state.clock.advance(seconds=4)

    assert (await rest("POST", path, answer))[1]["code"] == 10062
    assert interaction.late


def _interaction(discord: DiscordStandIn) -> tuple[str, Interaction]:
    """A command that waits for its answer: the path of its callback, and its handle."""
    stored = {"name": "task", "type": 1, "description": "d"}
    discord.state.commands.overwrite(None, [stored], discord.state.application_id)
    interaction = discord.start_slash(discord.member("alice"), "task")
    return f"/interactions/{interaction.id}/{interaction.token}/callback", interaction
