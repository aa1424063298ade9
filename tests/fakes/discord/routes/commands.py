"""The registration of commands, global and for one guild."""

from __future__ import annotations

from tests.fakes.discord.call import Call, Reply, Route
from tests.fakes.discord.command_rules import check_command, check_commands
from tests.fakes.discord.errors import DiscordError, Refused
from tests.fakes.discord.jsontypes import Body
from tests.fakes.discord.state import State

_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


class CommandRoutes:
    def __init__(self, state: State) -> None:
        self._state = state

    def table(self) -> list[Route]:
        rows = []
        for scope in (_GLOBAL, _GUILD):
            one = scope + "/{command_id}"
            rows += [
                Route("GET", scope, self.list),
                Route("PUT", scope, self.overwrite, check_commands),
                Route("POST", scope, self.create, check_command),
                Route("GET", one, self.get),
                Route("PATCH", one, self.change),
                Route("DELETE", one, self.delete),
            ]
        return rows

    def _scope(self, call: Call) -> int | None:
        if call.id("application_id") != self._state.application_id:
            raise DiscordError(Refused.MISSING_ACCESS)
        return call.guild().id if "guild_id" in call.params else None

    def list(self, call: Call) -> Body:
        return list(self._state.commands.scope(self._scope(call)).commands.values())

    def overwrite(self, call: Call) -> Body:
        application = self._state.application_id
        scope = self._state.commands.overwrite(self._scope(call), call.body, application)
        return list(scope.commands.values())

    def create(self, call: Call) -> Body:
        application = self._state.application_id
        command, new = self._state.commands.put_one(self._scope(call), call.json, application)
        return Reply(201 if new else 200, command)

    def get(self, call: Call) -> Body:
        return self._state.commands.by_id(self._scope(call), call.id("command_id"))

    def change(self, call: Call) -> Body:
        scope = self._scope(call)
        known = self._state.commands.by_id(scope, call.id("command_id"))
        problems = check_command({**known, **call.json})
        if problems:
            where = f"{call.record.method} {call.record.path}"
            self._state.violate("body", where, str(problems[0]))
            raise DiscordError(Refused.INVALID_FORM_BODY, problems)
        application = self._state.application_id
        return self._state.commands.change(scope, known, call.json, application)

    def delete(self, call: Call) -> Body:
        scope = self._scope(call)
        self._state.commands.remove(scope, self._state.commands.by_id(scope, call.id("command_id")))
