"""Discord's rules, asked by plain HTTP: each refusal has its status, its code and its place."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.discord import DiscordStandIn, Permission
from tests.fakes.discord.openapi import document_path
from tests.fakes.discord.stand_in import INVITED

Json = dict[str, Any]


class Rest:
    """A client of the API with the bot's token: answers are (status, body)."""

    def __init__(self, stand_in: DiscordStandIn, session: aiohttp.ClientSession) -> None:
        self._base = stand_in.api_url
        self._session = session

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._session.request(method, self._base + path, json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def upload(self, path: str, body: Json, *files: tuple[str, bytes]) -> tuple[int, Any]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body))
        for number, (name, content) in enumerate(files):
            form.add_field(f"files[{number}]", io.BytesIO(content), filename=name)
        async with self._session.post(self._base + path, data=form) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def rest(discord: DiscordStandIn) -> AsyncIterator[Rest]:
    headers = {"Authorization": f"Bot {discord.state.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Rest(discord, session)


@pytest.fixture
def messages(discord: DiscordStandIn) -> str:
    """The path of #general's messages."""
    return f"/channels/{discord.channel('general').id}/messages"


def embed(**parts: Any) -> Json:
    return {"embeds": [parts]}


def row(*components: Json) -> Json:
    return {"components": [{"type": 1, "components": list(components)}]}


def button(**parts: Any) -> Json:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": "go", **parts}


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
        row(
            {
                "type": 3,
                "custom_id": "s",
                "options": [{"label": "l", "value": str(n)} for n in range(26)],
            }
        ),
        "components.0.components.0.options",
    ),
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
    status, answer = await rest("POST", messages, {"content": "…", **body})

    node = answer["errors"]
    for step in place.split("."):
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


def command(**parts: Any) -> Json:
    return {"name": "task", "description": "Queue a task", "type": 1, **parts}


def option(**parts: Any) -> Json:
    return {"name": "text", "description": "what", "type": 3, **parts}


def choices(number: int, value: str = "v") -> list[Json]:
    return [{"name": f"c{n}", "value": value} for n in range(number)]


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


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"title": "x" * 46}, "title"),
        ({"components": []}, "components"),
        ({"custom_id": ""}, "custom_id"),
    ],
)
async def test_malformed_form(discord: DiscordStandIn, rest: Rest, data: Json, place: str):
    """A form's parts have their limits."""
    field = {"type": 4, "custom_id": "f", "style": 1, "label": "What"}
    good: Json = {"custom_id": "m", "title": "T", **row(field)}

    path, _ = _interaction(discord)
    status, answer = await rest("POST", path, {"type": 9, "data": {**good, **data}})

    assert status == 400
    assert answer["errors"]["data"][place]["_errors"]


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


def _interaction(discord: DiscordStandIn) -> tuple[str, Any]:
    """A command that waits for its answer: the path of its callback, and its handle."""
    stored = {"name": "task", "type": 1, "description": "d"}
    discord.state.commands.overwrite(None, [stored], discord.state.application_id)
    interaction = discord.start_slash(discord.member("alice"), "task")
    return f"/interactions/{interaction.id}/{interaction.token}/callback", interaction
