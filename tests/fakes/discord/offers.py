"""What a person's client lets them do: which commands it offers, which options it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.fakes.discord.channel import Channel, Guild
from tests.fakes.discord.command_rules import (
    ATTACHMENT,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    SUBCOMMAND,
    SUBCOMMAND_GROUP,
)
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Attachment, Message
from tests.fakes.discord.people import NONE, Permission, Role, User
from tests.fakes.discord.render import (
    attachment_json,
    channel_json,
    member_json,
    message_json,
    role_json,
    user_json,
)
from tests.fakes.discord.state import State

USER, CHANNEL, ROLE = 6, 7, 8
OptionValue = str | int | float | bool | User | Role | Channel | Attachment
_GUILD_CONTEXT, _DM_CONTEXT = 0, 1
_PLAIN: Final[Mapping[int, tuple[type, ...]]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
}
_THINGS: Final[Mapping[int, tuple[type, ...]]] = {
    USER: (User,),
    CHANNEL: (Channel,),
    ROLE: (Role,),
    ATTACHMENT: (Attachment,),
}


class Impossible(Exception):
    """The person's client would not let them do this: no such command, option, button or right."""


def find_command(state: State, user: User, channel: Channel, name: str, kind: int) -> Json:
    """The command of that name as this person sees it in this place.

    Raises Impossible where it is not offered to them there.
    """
    guild = channel.guild
    command = state.commands.find(name, kind, guild.id if guild else None)
    if command is None:
        there = [c["name"] for c in state.commands.offered(guild.id if guild else None)]
        raise Impossible(f"no command {name!r} here; there are {sorted(there)}")
    context = _GUILD_CONTEXT if guild else _DM_CONTEXT
    contexts = command.get("contexts")
    if contexts is not None and context not in contexts:
        raise Impossible(f"{name!r} is not offered {'in guilds' if guild else 'in DMs'}")
    needed = command.get("default_member_permissions")
    if guild is not None and needed is not None and name not in state.opened_commands:
        _need_rights(channel, user, name, Permission(int(needed)))
    return command


def _need_rights(channel: Channel, user: User, name: str, needed: Permission) -> None:
    granted = channel.permissions(user)
    administrator = Permission.ADMINISTRATOR in granted
    if not administrator and (not needed or needed not in granted):
        raise Impossible(f"{name!r} is not offered to {user.name}: it needs {needed!r}")


def descend(command: Json, words: list[str]) -> tuple[Json, list[Json]]:
    """The (sub)command that the words after the first name, and the path of groups to it."""
    node, path = command, []
    for word in words:
        found = [o for o in node.get("options") or [] if o["name"] == word and o["type"] in (1, 2)]
        if not found:
            raise Impossible(f"{command['name']!r} has no subcommand {word!r}")
        node = found[0]
        path.append(node)
    if any(o["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP) for o in node.get("options") or []):
        raise Impossible(f"{command['name']!r} needs a subcommand")
    return node, path


def filled_options(
    node: Json, values: Mapping[str, OptionValue], guild: Guild | None, resolved: Json
) -> list[Json]:
    """The options as Discord sends them; what they name is put into `resolved`.

    Raises Impossible: unknown, missing, or outside what the command declared.
    """
    declared = {option["name"]: option for option in node.get("options") or []}
    unknown = set(values) - set(declared)
    if unknown:
        raise Impossible(f"{node['name']!r} has no option {sorted(unknown)}; it has {[*declared]}")
    missing = [n for n, o in declared.items() if o.get("required") and n not in values]
    if missing:
        raise Impossible(f"{node['name']!r} requires {missing}")
    for value in values.values():
        resolve(resolved, value, guild)
    return [
        {"name": n, "type": declared[n]["type"], "value": _value(declared[n], values[n])}
        for n in declared
        if n in values
    ]


def nest(options: list[Json], path: list[Json]) -> list[Json]:
    """Options inside the subcommands that they belong to."""
    for node in reversed(path):
        options = [{"name": node["name"], "type": node["type"], "options": options}]
    return options


def _value(option: Json, value: OptionValue) -> Body:
    kind, name = option["type"], option["name"]
    if kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (isinstance(value, bool) and kind != BOOLEAN):
            raise Impossible(f"option {name!r} does not take {value!r}")
        return _within(option, _chosen(option, value))
    if not isinstance(value, User | Channel | Role | Attachment) or not isinstance(
        value, _THINGS.get(kind, ())
    ):
        raise Impossible(f"option {name!r} (type {kind}) does not take {value!r}")
    return str(value.id)


def resolve(
    resolved: Json, thing: OptionValue | Message | None, guild: Guild | None = None
) -> None:
    """Put the JSON of what an id stands for beside the data of an interaction; plain values have
    none.
    """
    if isinstance(thing, User):
        resolved.setdefault("users", {})[str(thing.id)] = user_json(thing)
        member = guild.member(thing) if guild else None
        if member is not None:
            part = {k: v for k, v in member_json(member, NONE).items() if k != "user"}
            resolved.setdefault("members", {})[str(thing.id)] = part
    elif isinstance(thing, Role):
        resolved.setdefault("roles", {})[str(thing.id)] = role_json(thing)
    elif isinstance(thing, Channel):
        part = {**channel_json(thing), "permissions": "0"}
        resolved.setdefault("channels", {})[str(thing.id)] = part
    elif isinstance(thing, Attachment):
        whole = attachment_json(thing, ephemeral=True)
        resolved.setdefault("attachments", {})[str(thing.id)] = whole
    elif isinstance(thing, Message):
        resolved.setdefault("messages", {})[str(thing.id)] = message_json(thing)


def _chosen(option: Json, value: OptionValue) -> Body:
    """Where an option has fixed choices: the value of the one named, by its name or value."""
    choices = option.get("choices") or []
    for choice in choices:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    if choices:
        raise Impossible(f"option {option['name']!r} has the choices {choices}, not {value!r}")
    return value


def _within(option: Json, value: Body) -> Body:
    size = len(value) if isinstance(value, str) else value
    least, most = (
        (option.get("min_length"), option.get("max_length", 6000))
        if isinstance(value, str)
        else (option.get("min_value"), option.get("max_value"))
    )
    if (least is not None and size < least) or (most is not None and size > most):
        raise Impossible(f"option {option['name']!r} takes {least} to {most}, not {size}")
    return value


def interaction_json(state: State, interaction_base: Json, user: User, channel: Channel) -> Json:
    """INTERACTION_CREATE around the data of one interaction."""
    guild = channel.guild
    payload: Json = {
        **interaction_base,
        "application_id": str(state.application_id),
        "version": 1,
        "channel_id": str(channel.id),
        "channel": {**channel_json(channel), "permissions": str(channel.permissions(user).value)},
        "app_permissions": str(channel.permissions(state.bot).value),
        "locale": "en-US",
        "entitlements": [],
        "attachment_size_limit": 10 * 1024 * 1024,
        "context": _GUILD_CONTEXT if guild else _DM_CONTEXT,
        "authorizing_integration_owners": {"0": str(guild.id) if guild else "0"},
    }
    if guild is None:
        return {**payload, "user": user_json(user)}
    member = guild.member(user)
    assert member is not None
    return {
        **payload,
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "member": member_json(member, channel.permissions(user)),
    }
