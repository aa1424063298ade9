"""Channels and threads themselves: read, rename, archive, delete, join."""

from __future__ import annotations

from tests.fakes.discord.actions import Actions
from tests.fakes.discord.call import Call, Reply, Route
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.errors import DiscordError, Refused
from tests.fakes.discord.jsontypes import Body
from tests.fakes.discord.people import Permission
from tests.fakes.discord.render import channel_json, thread_json, thread_member_json
from tests.fakes.discord.routes.messages import check_channel_change, check_thread
from tests.fakes.discord.state import State

_ONE = "/channels/{channel_id}"
_MEMBERS = _ONE + "/thread-members"


class ChannelRoutes:
    def __init__(self, state: State, actions: Actions) -> None:
        self._state = state
        self._actions = actions

    def table(self) -> list[Route]:
        return [
            Route("GET", _ONE, self.get),
            Route("PATCH", _ONE, self.change, check_channel_change),
            Route("DELETE", _ONE, self.delete),
            Route("POST", _ONE + "/typing", self.type),
            Route("POST", _ONE + "/threads", self.start_thread, check_thread),
            Route("GET", _ONE + "/threads/archived/public", self.archived_threads),
            Route("GET", _MEMBERS, self.thread_members),
            Route("PUT", _MEMBERS + "/@me", self.join),
            Route("DELETE", _MEMBERS + "/@me", self.leave),
            Route("PUT", _MEMBERS + "/{user_id}", self.add_member),
        ]

    def get(self, call: Call) -> Body:
        return channel_json(call.channel())

    def change(self, call: Call) -> Body:
        channel = call.channel()
        if channel.is_thread:
            self._change_thread(call, channel)
        else:
            call.require(channel, Permission.MANAGE_CHANNELS)
            self._actions.update_channel(channel, call.json)
        return channel_json(channel)

    def _change_thread(self, call: Call, thread: Channel) -> None:
        """The creator may rename and archive it; locking, and what is locked, is for moderators."""
        body = call.json
        manages = thread.allows(self._state.bot, Permission.MANAGE_THREADS)
        unarchiving = thread.archived and body.get("archived") is False
        if thread.archived and not unarchiving:
            raise DiscordError(Refused.THREAD_ARCHIVED)
        own = thread.owner is self._state.bot
        moderating = thread.locked or bool(body.get("locked"))
        if not manages and (moderating or not (own or unarchiving)):
            raise DiscordError(Refused.MISSING_PERMISSIONS)
        self._actions.update_thread(thread, body)

    def delete(self, call: Call) -> Body:
        channel = call.channel()
        wanted = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
        call.require(channel, wanted)
        data = channel_json(channel)
        self._actions.delete_channel(channel)
        return data

    def type(self, call: Call) -> Body:
        self._state.typing[call.channel(Permission.SEND_MESSAGES).id] += 1

    def start_thread(self, call: Call) -> Body:
        """A thread on no message."""
        channel = call.channel(Permission.CREATE_PUBLIC_THREADS)
        if channel.is_thread or channel.guild is None:
            raise DiscordError(Refused.WRONG_CHANNEL_TYPE)
        if len(channel.guild.active_threads) >= self._state.active_threads_max:
            raise DiscordError(Refused.TOO_MANY_THREADS)
        thread = self._actions.start_loose_thread(channel, self._state.bot, call.json)
        return Reply(201, thread_json(thread))

    def archived_threads(self, call: Call) -> Body:
        channel = call.channel(Permission.READ_MESSAGE_HISTORY)
        archived = [thread for thread in channel.threads if thread.archived]
        archived.sort(key=lambda thread: thread.archive_changed_at, reverse=True)
        threads = [thread_json(thread) for thread in archived]
        return {"threads": threads, "members": [], "has_more": False}

    def thread_members(self, call: Call) -> Body:
        thread = call.channel()
        return [thread_member_json(thread, user_id) for user_id in sorted(thread.thread_members)]

    def join(self, call: Call) -> Body:
        self._open_thread(call).thread_members.add(self._state.bot.id)

    def leave(self, call: Call) -> Body:
        self._open_thread(call).thread_members.discard(self._state.bot.id)

    def add_member(self, call: Call) -> Body:
        self._open_thread(call).thread_members.add(call.id("user_id"))

    def _open_thread(self, call: Call) -> Channel:
        thread = call.channel()
        if not thread.is_thread:
            raise DiscordError(Refused.WRONG_CHANNEL_TYPE)
        if thread.archived:
            raise DiscordError(Refused.THREAD_ARCHIVED)
        return thread
