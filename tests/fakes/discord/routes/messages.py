"""Messages by the bot's own token: send, read, edit, delete, react, pin; and threads on them."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from tests.fakes.discord.actions import Actions
from tests.fakes.discord.call import Call, Reply, Route
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.findings import Findings
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Message
from tests.fakes.discord.message_rules import FILE_BYTES_MAX, FILES_MAX, check_message, is_empty
from tests.fakes.discord.people import Permission
from tests.fakes.discord.render import message_json, thread_json
from tests.fakes.discord.state import State

_ONE: Final = "/channels/{channel_id}/messages/{message_id}"
_REACTION: Final = _ONE + "/reactions/{emoji_name}/@me"
AUTO_ARCHIVE_MINUTES: Final = (60, 1440, 4320, 10080)


class MessageRoutes:
    def __init__(self, state: State, actions: Actions) -> None:
        self._state = state
        self._actions = actions

    def table(self) -> list[Route]:
        many = "/channels/{channel_id}/messages"
        return [
            Route("POST", many, self.create, check_message),
            Route("GET", many, self.history),
            Route("GET", _ONE, self.get),
            Route("PATCH", _ONE, self.edit, lambda body: check_message(body, editing=True)),
            Route("DELETE", _ONE, self.delete),
            Route("POST", _ONE + "/threads", self.start_thread, check_thread),
            Route("PUT", _REACTION, self.react),
            Route("DELETE", _REACTION, self.take_reaction_back),
            Route("PUT", many + "/pins/{message_id}", self.pin),
            Route("DELETE", many + "/pins/{message_id}", self.unpin),
            Route("PUT", "/channels/{channel_id}/pins/{message_id}", self.pin),
            Route("DELETE", "/channels/{channel_id}/pins/{message_id}", self.unpin),
        ]

    def create(self, call: Call) -> Body:
        channel = call.channel()
        check_files(call)
        self._may_send(call, channel)
        known = self._actions.remembered(channel, self._state.bot, call.json)
        if known is not None:
            return message_json(known)
        if is_empty(call.json, len(call.files)):
            raise DiscordError(Refused.EMPTY_MESSAGE)
        message = self._actions.post(channel, self._state.bot, call.json, call.files)
        return message_json(message)

    def _may_send(self, call: Call, channel: Channel) -> None:
        recipient = channel.recipient
        if recipient is not None and not recipient.takes_dms:
            raise DiscordError(Refused.CANNOT_SEND_TO_USER)
        in_thread = channel.is_thread
        send = Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES
        call.require(channel, send, *_needed_by(call))
        manages = channel.allows(self._state.bot, Permission.MANAGE_THREADS)
        if channel.locked and not manages:
            raise DiscordError(Refused.THREAD_LOCKED)
        reads = channel.allows(self._state.bot, Permission.READ_MESSAGE_HISTORY)
        if call.json.get("message_reference") and not reads:
            raise DiscordError(Refused.CANNOT_REPLY_WITHOUT_HISTORY)

    def history(self, call: Call) -> Body:
        """Newest first, as Discord gives it; nothing without Read Message History."""
        channel = call.channel()
        if not channel.allows(self._state.bot, Permission.READ_MESSAGE_HISTORY):
            return []
        there = [m for m in channel.history if not (m.deleted or m.ephemeral)]
        return [message_json(m) for m in reversed(_page(there, call.query))]

    def get(self, call: Call) -> Body:
        channel = call.channel(Permission.READ_MESSAGE_HISTORY)
        return message_json(call.message(channel))

    def edit(self, call: Call) -> Body:
        channel = call.channel()
        check_files(call)
        message = call.message(channel)
        if message.author is not self._state.bot:
            raise DiscordError(Refused.NOT_YOUR_MESSAGE)
        _not_archived(channel)
        self._actions.edit(message, call.json, call.files)
        return message_json(message)

    def delete(self, call: Call) -> Body:
        channel = call.channel()
        message = call.message(channel)
        if message.author is not self._state.bot:
            call.require(channel, Permission.MANAGE_MESSAGES)
        _not_archived(channel)
        self._actions.delete(message)
        return None

    def start_thread(self, call: Call) -> Body:
        channel = call.channel(Permission.CREATE_PUBLIC_THREADS)
        message = call.message(channel)
        if channel.is_thread or channel.guild is None:
            raise DiscordError(Refused.WRONG_CHANNEL_TYPE)
        if message.thread is not None:
            raise DiscordError(Refused.THREAD_EXISTS)
        if len(channel.guild.active_threads) >= self._state.active_threads_max:
            raise DiscordError(Refused.TOO_MANY_THREADS)
        thread = self._actions.start_thread(message, self._state.bot, call.json)
        return Reply(201, thread_json(thread))

    def react(self, call: Call) -> Body:
        channel = call.channel(Permission.ADD_REACTIONS, Permission.READ_MESSAGE_HISTORY)
        message = call.message(channel)
        _not_archived(channel)
        users = message.reactions.setdefault(unquote(call.params["emoji_name"]), [])
        if self._state.bot not in users:
            users.append(self._state.bot)

    def take_reaction_back(self, call: Call) -> Body:
        message = call.message(call.channel())
        emoji = unquote(call.params["emoji_name"])
        left = [u for u in message.reactions.get(emoji, []) if u is not self._state.bot]
        message.reactions.pop(emoji, None)
        if left:
            message.reactions[emoji] = left

    def pin(self, call: Call) -> Body:
        self._pinnable(call).pinned = True

    def unpin(self, call: Call) -> Body:
        self._pinnable(call).pinned = False

    def _pinnable(self, call: Call) -> Message:
        channel = call.channel()
        managing = (Permission.PIN_MESSAGES, Permission.MANAGE_MESSAGES)
        if not any(channel.allows(self._state.bot, right) for right in managing):
            raise DiscordError(Refused.MISSING_PERMISSIONS)
        return call.message(channel)


def check_files(call: Call) -> None:
    """Number and size of a body's files."""
    if len(call.files) > FILES_MAX:
        message = f"Must be {FILES_MAX} or fewer in length."
        problem = Problem(("attachments",), "BASE_TYPE_MAX_LENGTH", message)
        call.state.violate("body", f"{call.record.method} {call.record.path}", str(problem))
        raise DiscordError(Refused.INVALID_FORM_BODY, [problem])
    if any(len(upload.content) > FILE_BYTES_MAX for upload in call.files.values()):
        raise DiscordError(Refused.TOO_LARGE)


def check_thread(body: Body) -> list[Problem]:
    """The form of a new thread, or of a change of one."""
    findings = Findings()
    findings.length(("name",), body.get("name"), 100, 1)
    _check_archive_minutes(body, findings)
    return findings.problems


def check_channel_change(body: Body) -> list[Problem]:
    findings = Findings()
    if body.get("name") is not None:
        findings.length(("name",), body["name"], 100, 1)
    findings.length(("topic",), body.get("topic"), 1024)
    _check_archive_minutes(body, findings)
    return findings.problems


def _check_archive_minutes(body: Json, findings: Findings) -> None:
    minutes = body.get("auto_archive_duration")
    if minutes is not None and minutes not in AUTO_ARCHIVE_MINUTES:
        message = f"Value must be one of {AUTO_ARCHIVE_MINUTES}."
        findings.add(("auto_archive_duration",), "BASE_TYPE_CHOICES", message)


def _needed_by(call: Call) -> list[Permission]:
    needed = [Permission.EMBED_LINKS] if call.json.get("embeds") else []
    return needed + ([Permission.ATTACH_FILES] if call.files else [])


def _not_archived(channel: Channel) -> None:
    if channel.archived:
        raise DiscordError(Refused.THREAD_ARCHIVED)


def _page(there: list[Message], query: dict[str, str]) -> list[Message]:
    """What `limit`, `before`, `after` and `around` select, oldest first."""
    limit = max(1, min(100, int(query.get("limit", 50))))
    if "after" in query:
        return [m for m in there if m.id > int(query["after"])][:limit]
    if "around" in query:
        centre = int(query["around"])
        older = [m for m in there if m.id < centre][-(limit // 2) :]
        newer = [m for m in there if m.id >= centre][: limit - limit // 2]
        return older + newer
    if "before" in query:
        there = [m for m in there if m.id < int(query["before"])]
    return there[-limit:]
