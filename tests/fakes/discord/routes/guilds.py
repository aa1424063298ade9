"""Guilds, their channels, roles and members; and the bot's own account."""

from __future__ import annotations

from tests.fakes.discord.actions import Actions
from tests.fakes.discord.call import Call, Reply, Route
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.findings import Findings
from tests.fakes.discord.jsontypes import Body
from tests.fakes.discord.people import Permission, User
from tests.fakes.discord.render import (
    channel_json,
    guild_json,
    me_json,
    member_json,
    role_json,
    thread_json,
    user_json,
)
from tests.fakes.discord.state import State

_ONE = "/guilds/{guild_id}"


class GuildRoutes:
    def __init__(self, state: State, actions: Actions) -> None:
        self._state = state
        self._actions = actions

    def table(self) -> list[Route]:
        return [
            Route("GET", _ONE, self.get),
            Route("GET", _ONE + "/channels", self.channels),
            Route("POST", _ONE + "/channels", self.create_channel, _check_channel),
            Route("GET", _ONE + "/threads/active", self.active_threads),
            Route("GET", _ONE + "/roles", self.roles),
            Route("GET", _ONE + "/members", self.members),
            Route("GET", _ONE + "/members/search", self.search_members),
            Route("GET", _ONE + "/members/{user_id}", self.member),
            Route("GET", "/users/@me", self.me),
            Route("GET", "/users/@me/guilds", self.my_guilds),
            Route("POST", "/users/@me/channels", self.open_dm),
            Route("GET", "/users/{user_id}", self.user),
            Route("GET", "/applications/@me", self.application),
            Route("GET", "/oauth2/applications/@me", self.application),
            Route("GET", "/gateway", self.gateway),
            Route("GET", "/gateway/bot", self.gateway),
        ]

    def get(self, call: Call) -> Body:
        guild = call.guild()
        numbers = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
        return {**guild_json(guild), **(numbers if call.query.get("with_counts") else {})}

    def channels(self, call: Call) -> Body:
        return [channel_json(c) for c in call.guild().channels if not c.is_thread]

    def create_channel(self, call: Call) -> Body:
        guild = call.guild()
        if Permission.MANAGE_CHANNELS not in guild.permissions(self._state.bot):
            raise DiscordError(Refused.MISSING_PERMISSIONS)
        return Reply(201, channel_json(self._actions.create_channel(guild, call.json)))

    def active_threads(self, call: Call) -> Body:
        threads = [thread_json(thread) for thread in call.guild().active_threads]
        return {"threads": threads, "members": [], "has_more": False}

    def roles(self, call: Call) -> Body:
        guild = call.guild()
        return [role_json(role) for role in [guild.everyone, *guild.roles]]

    def members(self, call: Call) -> Body:
        limit, after = int(call.query.get("limit", 1)), int(call.query.get("after", 0))
        there = sorted(call.guild().members.items())
        return [member_json(member) for user_id, member in there if user_id > after][:limit]

    def search_members(self, call: Call) -> Body:
        prefix, limit = call.query.get("query", "").lower(), int(call.query.get("limit", 1))
        there = call.guild().members.values()
        return [member_json(m) for m in there if m.user.name.startswith(prefix)][:limit]

    def member(self, call: Call) -> Body:
        member = call.guild().members.get(call.id("user_id"))
        if member is None:
            raise DiscordError(Refused.UNKNOWN_MEMBER)
        return member_json(member)

    def me(self, call: Call) -> Body:
        return me_json(self._state.bot)

    def my_guilds(self, call: Call) -> Body:
        bot = self._state.bot
        return [
            {
                "id": str(guild.id),
                "name": guild.name,
                "icon": None,
                "banner": None,
                "owner": False,
                "permissions": str(guild.permissions(bot).value),
                "features": [],
            }
            for guild in self._state.guilds.values()
            if bot.id in guild.members
        ]

    def open_dm(self, call: Call) -> Body:
        return channel_json(self._state.dm_with(self._user(int(call.json["recipient_id"]))))

    def user(self, call: Call) -> Body:
        return user_json(self._user(call.id("user_id")))

    def _user(self, user_id: int) -> User:
        user = self._state.users.get(user_id)
        if user is None:
            raise DiscordError(Refused.UNKNOWN_USER)
        return user

    def application(self, call: Call) -> Body:
        bot = self._state.bot
        return {
            "id": str(self._state.application_id),
            "name": bot.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": user_json(bot),
            "owner": user_json(self._state.guild.owner),
            "team": None,
            "summary": "",
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "flags_new": "0",
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "hook": True,
            "redirect_uris": [],
            "integration_types_config": {"0": {}},
            "approximate_guild_count": len(self._state.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "eligible_oauth2_scopes": [],
            "explicit_content_filter": 0,
        }

    def gateway(self, call: Call) -> Body:
        left = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        url = self._state.base_url.replace("http://", "ws://") + "/gateway"
        return {"url": url, "shards": 1, "session_start_limit": left}


def _check_channel(body: Body) -> list[Problem]:
    findings = Findings()
    findings.length(("name",), body.get("name"), 100, 1)
    findings.length(("topic",), body.get("topic"), 1024)
    return findings.problems
