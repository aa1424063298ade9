"""What Discord accepts as a message: status, code and place of each refusal, by plain HTTP."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn
from tests.fakes.discord.openapi import document_path
from tests.fakes.discord_stand_in.plain_http import (
    Json,
    Rest,
    button,
    embed,
    row,
)

V2: Json = {"flags": 1 << 15}


def link(**parts: Any) -> Json:
    return {"type": 2, "style": 5, "label": "Docs", "url": "https://example.com", **parts}


def menu(**parts: Any) -> Json:
    return {"type": 3, "custom_id": "menu", "options": [{"label": "l", "value": "v"}], **parts}


def text(words: str) -> Json:
    return {"type": 10, "content": words}


BAD_MESSAGES: list[tuple[str, Json, str]] = [
    ("content too long", {"content": "x" * 2001}, "content"),
    ("title too long", embed(title="x" * 257), "embeds.0.title"),
    ("description too long", embed(description="x" * 4097), "embeds.0.description"),
    ("field without a name", embed(fields=[{"name": "", "value": "v"}]), "embeds.0.fields.0.name"),
    ("26 fields", embed(fields=[{"name": "n", "value": "v"}] * 26), "embeds.0.fields"),
    ("empty embed", embed(color=1), "embeds.0.description"),
    ("11 embeds", {"embeds": [{"title": "t"}] * 11}, "embeds"),
    ("6001 characters in embeds", {"embeds": [{"description": "x" * 3001}] * 2}, "embeds"),
    ("6 rows", {"components": row(button())["components"] * 6}, "components"),
    ("a row of 6", row(*[button(custom_id=str(n)) for n in range(6)]), "components.0.components"),
    ("double custom_id", row(button(), button()), "components"),
    ("label too long", row(button(label="x" * 81)), "components.0.components.0.label"),
    (
        "custom_id too long",
        row(button(custom_id="x" * 101)),
        "components.0.components.0.custom_id",
    ),
    ("no label", row(button(label=None)), "components.0.components.0"),
    ("a button in no row", {"components": [button()]}, "components.0.type"),
    (
        "26 options",
        row(menu(options=[{"label": "l", "value": str(n)} for n in range(26)])),
        "components.0.components.0.options",
    ),
    ("embed link too long", embed(url="x" * 2049, title="t"), "embeds.0.url"),
    ("footer too long", embed(footer={"text": "x" * 2049}), "embeds.0.footer.text"),
    ("author without a name", embed(author={"url": "x"}, title="t"), "embeds.0.author.name"),
    ("link without url", row(link(url=None)), "components.0.components.0.url"),
    ("link with custom_id", row(link(custom_id="x")), "components.0.components.0.custom_id"),
    ("unknown style", row(button(style=9)), "components.0.components.0.style"),
    ("a text input", row({"type": 4, "custom_id": "x"}), "components.0.components.0.type"),
    ("menu beside button", row(button(), menu()), "components.0.components"),
    ("no options", row(menu(options=[])), "components.0.components.0.options"),
    (
        "double option",
        row(menu(options=[{"label": "l", "value": "v"}] * 2)),
        "components.0.components.0.options",
    ),
    (
        "more picks than options",
        row(menu(max_values=2)),
        "components.0.components.0.max_values",
    ),
    ("26 picks", row(menu(min_values=26)), "components.0.components.0.min_values"),
    ("41 components", {**V2, "components": [text("x")] * 41}, "components"),
    ("4001 characters", {**V2, "components": [text("x" * 2001)] * 2}, "components"),
    ("row of V2 without V2", {"components": [text("x")]}, "components.0.type"),
    ("unknown mention", {"allowed_mentions": {"parse": ["all"]}}, "allowed_mentions.parse.0"),
    ("impossible shape", {"embeds": "x"}, ""),
    ("ephemeral without an interaction", {"content": "x", "flags": 64}, "flags"),
    (
        "V2 with content",
        {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "y"}]},
        "content",
    ),
    (
        "parse and list",
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        "allowed_mentions",
    ),
    ("long nonce", {"content": "x", "nonce": "x" * 26}, "nonce"),
]


@pytest.mark.parametrize(
    ("body", "place"), [case[1:] for case in BAD_MESSAGES], ids=[case[0] for case in BAD_MESSAGES]
)
async def test_malformed_message(
    discord: DiscordStandIn, rest: Rest, messages: str, body: Json, place: str
):
    """A body that breaks a rule is answered 400 with its place, recorded, and posts nothing."""
    words = {} if body.get("flags") == 1 << 15 else {"content": "…"}

    status, answer = await rest("POST", messages, {**words, **body})

    node = answer["errors"]
    for step in filter(None, place.split(".")):
        node = node[step]
    assert (status, answer["code"]) == (400, 50035)
    assert node["_errors"]
    assert discord.violations
    assert discord.state.messages == []


@pytest.mark.parametrize("body", [{}, {"content": "  "}, {"embeds": []}])
async def test_empty_message(discord: DiscordStandIn, rest: Rest, messages: str, body: Json):
    """A message that says nothing is 50006."""
    status, answer = await rest("POST", messages, body)

    assert (status, answer["code"]) == (400, 50006)
    assert [violation.rule for violation in discord.violations] == ["body"]


@pytest.mark.skipif(document_path() is None, reason="Discord's OpenAPI document is not at hand")
async def test_openapi_document_is_held_against_bodies(
    discord: DiscordStandIn, rest: Rest, messages: str
):
    """What only the document knows is found too, in the branch that was meant."""
    body = {"content": "x", **row(button(style=1, disabled="yes"))}

    status, answer = await rest("POST", messages, body)

    place = answer["errors"]["components"]["0"]["components"]["0"]["disabled"]
    assert status == 400
    assert place["_errors"][0]["code"] == "OPENAPI_TYPE"
    assert [violation.rule for violation in discord.violations] == ["openapi"]


async def test_enforced_nonce_gives_the_first_message(
    discord: DiscordStandIn, rest: Rest, messages: str
):
    """The same nonce within minutes makes no second message; later it does."""
    body = {"content": "once", "nonce": "7", "enforce_nonce": True}
    _, first = await rest("POST", messages, body)
    _, again = await rest("POST", messages, body)
    assert first["id"] == again["id"]

    discord.state.clock.advance(minutes=10)

    assert (await rest("POST", messages, body))[1]["id"] != first["id"]


async def test_history_pages(rest: Rest, messages: str):
    """`before`, `after`, `around` and `limit`, newest first."""
    ids = [(await rest("POST", messages, {"content": str(n)}))[1]["id"] for n in range(5)]

    async def page(query: str) -> list[str]:
        return [message["content"] for message in (await rest("GET", messages + query))[1]]

    assert await page("?limit=2") == ["4", "3"]
    assert await page(f"?before={ids[2]}") == ["1", "0"]
    assert await page(f"?after={ids[1]}&limit=2") == ["3", "2"]
    assert await page(f"?around={ids[2]}&limit=3") == ["3", "2", "1"]


async def test_files(discord: DiscordStandIn, rest: Rest, messages: str):
    """A file needs no words; it is downloadable; more than 10 MiB is 40005."""
    status, message = await rest.upload(messages, {}, ("log.txt", b"hello"))
    assert status == 200

    async with aiohttp.request("GET", message["attachments"][0]["url"]) as answer:
        assert await answer.read() == b"hello"

    status, answer_body = await rest.upload(messages, {}, ("big", bytes(10 * 1024 * 1024 + 1)))
    assert (status, answer_body["code"]) == (413, 40005)


async def test_others_messages_cannot_be_edited(discord: DiscordStandIn, rest: Rest, messages: str):
    """50005 for a person's message; deleting it needs Manage Messages."""
    message = await discord.say(discord.member("alice"), "mine")

    assert (await rest("PATCH", f"{messages}/{message.id}", {"content": "x"}))[1]["code"] == 50005
    assert (await rest("DELETE", f"{messages}/{message.id}"))[1]["code"] == 50013


async def test_secrets_are_found(discord: DiscordStandIn, rest: Rest, messages: str):
    """In words, embeds and files; the bot's token is always one."""
    discord.forbid("ath_hush", "the API key")

    await rest("POST", messages, {**embed(title="key ath_hush"), "content": "x"})
    await rest.upload(messages, {}, ("log.txt", b"... ath_hush ..."))
    await rest("POST", messages, {"content": discord.state.token})

    assert [violation.rule for violation in discord.violations] == ["secret"] * 3


async def test_wrong_token(discord: DiscordStandIn):
    """401 without the bot's token."""
    async with aiohttp.request("GET", discord.api_url + "/users/@me") as answer:
        assert answer.status == 401


async def test_pings_of_a_careless_bot(discord: DiscordStandIn, rest: Rest, messages: str):
    """Without allowed_mentions a text pings whom it names: @everyone only by right of the bot."""
    alice = discord.member("alice", discord.role("dev", mentionable=True))
    bob = discord.member("bob", *discord.guild.members[alice.id].roles)
    text = f"@everyone {alice.mention} {discord.guild.roles[-1].mention}"

    await rest("POST", messages, {"content": text})

    (message,) = discord.state.messages
    assert message.pings.users == {alice}
    assert message.pings.notified == {alice, bob}
    assert not message.pings.everyone


async def test_reply_pings_its_target(discord: DiscordStandIn, rest: Rest, messages: str):
    """A reply notifies the author of what it answers, unless told not to."""
    alice = discord.member("alice")
    asked = await discord.say(alice, "well?")
    reply: Json = {"content": "x", "message_reference": {"message_id": str(asked.id)}}

    await rest("POST", messages, reply)
    await rest("POST", messages, {**reply, "allowed_mentions": {"parse": []}})

    assert len(discord.state.pings_of(alice)) == 1
