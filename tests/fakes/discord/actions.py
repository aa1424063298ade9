"""What changes the state: messages posted, edited, deleted; threads and channels made and ended.

Rights are checked by those who call (the REST routes, the driver); each change is published.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.fakes.discord.channel import Channel, ChannelType, Guild
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.mentions import pings_of
from tests.fakes.discord.message import Attachment, Flag, Message, MessageType, numbered
from tests.fakes.discord.people import User
from tests.fakes.discord.render import (
    channel_json,
    event_message_json,
    thread_json,
    thread_member_json,
)
from tests.fakes.discord.state import State

NONCE_SECONDS: Final = 300.0
_UNSAFE: Final = re.compile(r"[^\w.\-]+")


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body, `files[number]`."""

    filename: str
    content: bytes
    content_type: str


class Actions:
    def __init__(self, state: State) -> None:
        self._state = state
        self._nonces: dict[tuple[int, int, str], tuple[float, Message]] = {}

    # Messages

    def remembered(self, channel: Channel, author: User, body: Json) -> Message | None:
        """The message that this nonce has already made, where the sender enforces it."""
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        made_at, message = self._nonces.get(_nonce(channel, author, body), (0.0, None))
        return message if self._state.clock.now() - made_at < NONCE_SECONDS else None

    def post(
        self,
        channel: Channel,
        author: User,
        body: Json,
        files: Mapping[int, Upload],
        *,
        interaction: Json | None = None,
        seen_only_by: User | None = None,
        message_type: int = MessageType.DEFAULT,
    ) -> Message:
        """A new message. An answer to an interaction says so, and may be for one person alone."""
        message = Message(
            self._state.ids.next(),
            channel,
            author,
            content=str(body.get("content") or "").strip(),
            embeds=list(body.get("embeds") or []),
            components=numbered(body.get("components") or []),
            flags=int(body.get("flags") or 0),
            type=message_type,
            tts=bool(body.get("tts")),
            nonce=body.get("nonce"),
            interaction=interaction,
            webhook_id=self._state.application_id if interaction else None,
            seen_only_by=seen_only_by,
        )
        self._refer(message, body.get("message_reference"))
        message.attachments = self._attach(channel, body.get("attachments"), files, [])
        message.pings = pings_of(message, body.get("allowed_mentions"))
        self._add(message)
        if body.get("nonce") is not None:
            key = _nonce(channel, author, body)
            self._nonces[key] = (self._state.clock.now(), message)
        return message

    def _add(self, message: Message) -> None:
        channel = message.channel
        if channel.is_thread and channel.archived:
            self.update_thread(channel, {"archived": False})
        channel.history.append(message)
        if not message.ephemeral:
            self._publish("MESSAGE_CREATE", event_message_json(message), channel)

    def fill(self, message: Message, body: Json, files: Mapping[int, Upload]) -> None:
        """The words of a deferred answer arrive: "thinking…" becomes a message, and may ping."""
        message.flags &= ~Flag.LOADING
        self._change(message, body, files)
        message.pings = pings_of(message, body.get("allowed_mentions"))
        if not message.ephemeral:
            self._publish("MESSAGE_UPDATE", event_message_json(message), message.channel)

    def edit(self, message: Message, body: Json, files: Mapping[int, Upload]) -> None:
        """Replace what the body names. Edits ping nobody.

        Raises DiscordError where nothing would be left of it.
        """
        before = (message.content, message.embeds, message.components, message.attachments)
        words = message.text
        self._change(message, body, files)
        if not (message.content or message.embeds or message.components or message.attachments):
            message.content, message.embeds, message.components, message.attachments = before
            raise DiscordError(Refused.EMPTY_MESSAGE)
        message.touch(words)
        if not message.ephemeral:
            self._publish("MESSAGE_UPDATE", event_message_json(message), message.channel)

    def _change(self, message: Message, body: Json, files: Mapping[int, Upload]) -> None:
        if "content" in body:
            message.content = str(body["content"] or "").strip()
        if "embeds" in body:
            message.embeds = list(body["embeds"] or [])
        if "components" in body:
            message.components = numbered(body["components"] or [])
        if body.get("flags") is not None:
            settable = Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2
            kept = message.flags & ~Flag.SUPPRESS_EMBEDS
            message.flags = kept | (int(body["flags"]) & settable)
        if "attachments" in body or files:
            listed = body.get("attachments")
            there = message.attachments
            message.attachments = self._attach(message.channel, listed, files, there)

    def delete(self, message: Message) -> None:
        message.deleted = True
        data: Json = {"id": str(message.id), "channel_id": str(message.channel.id)}
        if message.channel.guild:
            data["guild_id"] = str(message.channel.guild.id)
        if not message.ephemeral:
            self._publish("MESSAGE_DELETE", data, message.channel)

    def _refer(self, message: Message, reference: Json | None) -> None:
        if not reference:
            return
        target_id = int(reference["message_id"])
        target = message.channel.message(target_id)
        if target is None or target.ephemeral:
            if reference.get("fail_if_not_exists", True):
                code = "MESSAGE_REFERENCE_UNKNOWN_MESSAGE"
                problem = Problem(("message_reference",), code, "Unknown message")
                raise DiscordError(Refused.INVALID_FORM_BODY, [problem])
            return
        message.reply_to, message.reply_to_id = target, target_id
        message.type = MessageType.REPLY

    def _attach(
        self,
        channel: Channel,
        listed: list[Json] | None,
        files: Mapping[int, Upload],
        there: list[Attachment],
    ) -> list[Attachment]:
        """The attachments that a body leaves on a message: kept ones, then new ones."""
        notes = {str(entry["id"]): entry for entry in listed or []}
        kept = [a for a in there if listed is None or str(a.id) in notes]
        for number, upload in sorted(files.items()):
            note = notes.get(str(number), {})
            name = str(note.get("filename") or upload.filename)
            kept.append(self.keep_file(channel.id, name, upload, note.get("description")))
        return kept

    def keep_file(
        self, place: int, name: str, upload: Upload, description: str | None = None
    ) -> Attachment:
        """Put a file where the stand-in's CDN gives it out."""
        file_id = self._state.ids.next()
        safe = _UNSAFE.sub("_", name) or "file"
        url = f"{self._state.base_url}/attachments/{place}/{file_id}/{safe}"
        content_type = upload.content_type
        kept = Attachment(file_id, safe, upload.content, content_type, url, description)
        self._state.attachments[file_id] = kept
        return kept

    # Threads and channels

    def start_thread(self, starter: Message, owner: User, body: Json) -> Channel:
        """A public thread on a message; it has the message's id."""
        thread = self._new_thread(starter.id, starter.channel, owner, body)
        starter.thread = thread
        first = Message(self._state.ids.next(), thread, owner, type=MessageType.THREAD_STARTER)
        first.reply_to, first.reply_to_id = starter, starter.id
        thread.history.append(first)
        self._announce_thread(thread, owner)
        self._publish("MESSAGE_UPDATE", event_message_json(starter), starter.channel)
        return thread

    def start_loose_thread(self, parent: Channel, owner: User, body: Json) -> Channel:
        """A public thread on no message."""
        thread = self._new_thread(self._state.ids.next(), parent, owner, body)
        self._announce_thread(thread, owner)
        return thread

    def _new_thread(self, thread_id: int, parent: Channel, owner: User, body: Json) -> Channel:
        assert parent.guild is not None
        thread = Channel(
            thread_id,
            str(body["name"]),
            ChannelType.PUBLIC_THREAD,
            guild=parent.guild,
            parent=parent,
            owner=owner,
            auto_archive_minutes=int(body.get("auto_archive_duration") or 4320),
            rate_limit_per_user=int(body.get("rate_limit_per_user") or 0),
            thread_members={owner.id},
        )
        parent.guild.channels.append(thread)
        return thread

    def _announce_thread(self, thread: Channel, owner: User) -> None:
        member = thread_member_json(thread, owner.id)
        created = {**thread_json(thread), "newly_created": True, "member": member}
        self._publish("THREAD_CREATE", created, thread)

    def update_thread(self, thread: Channel, body: Json) -> None:
        if body.get("name") is not None:
            thread.renames += thread.name != body["name"]
            thread.name = str(body["name"])
        if body.get("auto_archive_duration") is not None:
            thread.auto_archive_minutes = int(body["auto_archive_duration"])
        if body.get("locked") is not None:
            thread.locked = bool(body["locked"])
        if body.get("archived") is not None:
            thread.set_archived(bool(body["archived"]))
        self._publish("THREAD_UPDATE", thread_json(thread), thread)

    def create_channel(self, guild: Guild, body: Json) -> Channel:
        channel = self._state.new_channel(guild, _channel_name(str(body["name"])))
        channel.topic = body.get("topic")
        self._publish("CHANNEL_CREATE", channel_json(channel), channel)
        return channel

    def update_channel(self, channel: Channel, body: Json) -> None:
        if body.get("name") is not None:
            channel.renames += channel.name != body["name"]
            channel.name = _channel_name(str(body["name"]))
        if "topic" in body:
            channel.topic = body["topic"]
        self._publish("CHANNEL_UPDATE", channel_json(channel), channel)

    def delete_channel(self, channel: Channel) -> None:
        """Remove a channel with its threads, or a thread."""
        assert channel.guild is not None
        for thread in channel.threads:
            self.delete_channel(thread)
        starter = channel.parent.message(channel.id) if channel.parent else None
        if starter is not None:
            starter.thread = None
        data = channel_json(channel)
        self._publish("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", data, channel)
        channel.guild.channels.remove(channel)
        self._state.changed()

    def _publish(self, event: str, data: Json, channel: Channel) -> None:
        self._state.publish(event, data, channel.guild, channel)
        self._state.changed()


def _nonce(channel: Channel, author: User, body: Json) -> tuple[int, int, str]:
    return channel.id, author.id, str(body["nonce"])


def _channel_name(name: str) -> str:
    """Text channels have lower-case names without spaces, whatever was asked for."""
    return re.sub(r"\s+", "-", name.strip().lower())
