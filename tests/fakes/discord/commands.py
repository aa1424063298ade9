"""The commands that the bot has registered, by scope, and how often it did so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.fakes.discord.errors import DiscordError, Refused
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.snowflakes import Snowflakes

CREATES_A_DAY_MAX: Final = 200

# What identifies a command within its scope: its name and type.
Key = tuple[str, int]


@dataclass
class Scope:
    """The commands of one guild, or the global ones (`guild_id` None)."""

    guild_id: int | None
    commands: dict[Key, Json]
    puts: int = 0
    writes: int = 0
    creates_today: int = 0

    @property
    def names(self) -> list[str]:
        return sorted(name for name, _ in self.commands)


class CommandBook:
    """All scopes. A command keeps its id while its name and type stay."""

    def __init__(self, ids: Snowflakes) -> None:
        self._ids = ids
        self._scopes: dict[int | None, Scope] = {}

    def scope(self, guild_id: int | None = None) -> Scope:
        return self._scopes.setdefault(guild_id, Scope(guild_id, {}))

    @property
    def scopes(self) -> list[Scope]:
        return list(self._scopes.values())

    @property
    def puts(self) -> int:
        """Bulk overwrites over all scopes."""
        return sum(scope.puts for scope in self._scopes.values())

    @property
    def writes(self) -> int:
        """Every write, bulk or single, over all scopes."""
        return sum(scope.writes for scope in self._scopes.values())

    def offered(self, guild_id: int | None) -> list[Json]:
        """What people in a guild (None: in direct messages) have in their picker."""
        everywhere = list(self.scope(None).commands.values())
        return everywhere + (list(self.scope(guild_id).commands.values()) if guild_id else [])

    def find(self, name: str, kind: int, guild_id: int | None) -> Json | None:
        for command in self.offered(guild_id):
            if (command["name"], command["type"]) == (name, kind):
                return command
        return None

    def overwrite(self, guild_id: int | None, bodies: list[Json], application_id: int) -> Scope:
        """Replace a scope at once.

        Raises DiscordError where the day's quota of new commands would be passed.
        """
        scope = self.scope(guild_id)
        new = [body for body in bodies if _key(body) not in scope.commands]
        self._count_creates(scope, len(new))
        scope.commands = {_key(b): self._stored(scope, b, application_id) for b in bodies}
        scope.puts += 1
        scope.writes += 1
        return scope

    def put_one(self, guild_id: int | None, body: Json, application_id: int) -> tuple[Json, bool]:
        """Create or replace one command; whether it is new stands beside it."""
        scope = self.scope(guild_id)
        created = _key(body) not in scope.commands
        self._count_creates(scope, int(created))
        scope.commands[_key(body)] = self._stored(scope, body, application_id)
        scope.writes += 1
        return scope.commands[_key(body)], created

    def change(self, guild_id: int | None, known: Json, body: Json, application_id: int) -> Json:
        """Change one command, which keeps its id whatever its new name is."""
        scope = self.scope(guild_id)
        del scope.commands[_key(known)]
        changed = {**known, **body}
        stored = {**self._stored(scope, changed, application_id), "id": known["id"]}
        scope.commands[_key(changed)] = stored
        scope.writes += 1
        return stored

    def remove(self, guild_id: int | None, command: Json) -> None:
        scope = self.scope(guild_id)
        del scope.commands[_key(command)]
        scope.writes += 1

    def by_id(self, guild_id: int | None, command_id: int) -> Json:
        for command in self.scope(guild_id).commands.values():
            if command["id"] == str(command_id):
                return command
        raise DiscordError(Refused.UNKNOWN_COMMAND)

    def _count_creates(self, scope: Scope, new: int) -> None:
        if scope.creates_today + new > CREATES_A_DAY_MAX:
            raise DiscordError(Refused.TOO_MANY_COMMANDS_TODAY)
        scope.creates_today += new

    def _stored(self, scope: Scope, body: Json, application_id: int) -> Json:
        known = scope.commands.get(_key(body))
        stored: Json = {
            "type": 1,
            "description": "",
            "default_member_permissions": None,
            "nsfw": False,
            "contexts": None,
            "integration_types": [0],
            **{key: value for key, value in body.items() if value is not None},
            "id": known["id"] if known else str(self._ids.next()),
            "application_id": str(application_id),
            "version": str(self._ids.next()),
        }
        if stored["default_member_permissions"] is not None:
            stored["default_member_permissions"] = str(stored["default_member_permissions"])
        if scope.guild_id is not None:
            stored["guild_id"] = str(scope.guild_id)
        return stored


def _key(command: Json) -> Key:
    return str(command.get("name")), int(command.get("type") or 1)
