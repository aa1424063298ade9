"""The stand-in's state as text, for people and for failing tests."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.message import Message
from tests.fakes.discord.state import State


def describe(state: State, *, connected: bool) -> str:
    return "\n".join(_lines(state, connected=connected))


def _lines(state: State, *, connected: bool) -> Iterator[str]:
    yield f"bot {state.bot.name}: {'connected' if connected else 'not connected'}"
    for scope in state.commands.scopes:
        where = "global" if scope.guild_id is None else f"guild {scope.guild_id}"
        yield f"commands ({where}, {scope.puts} PUTs): {', '.join(scope.names) or 'none'}"
    for channel in state.all_channels:
        if not channel.is_thread:
            yield from _channel(channel, "")
    for interaction in state.interactions[-10:]:
        yield f"  {interaction!r}"
    for request in state.requests[-10:]:
        yield f"  {request}"
    for violation in state.violations:
        yield f"! violation {violation}"
    for refusal in state.refusals[-10:]:
        yield f"! refused {refusal}"


def _channel(channel: Channel, indent: str) -> Iterator[str]:
    marks = [word for word in ("archived", "locked") if getattr(channel, word)]
    yield f"{indent}#{channel.name} ({channel.id}) {' '.join(marks)}".rstrip()
    for message in channel.history:
        if not message.deleted and not message.system:
            yield from _message(message, indent + "  ")
    for thread in channel.threads:
        yield from _channel(thread, indent + "    ")


def _message(message: Message, indent: str) -> Iterator[str]:
    marks = [f"edited {message.edits}x"] if message.edits else []
    if message.seen_only_by is not None:
        marks.append(f"only for {message.seen_only_by.name}")
    if message.pings:
        marks.append(f"pings {message.pings}")
    if message.reply_to_id is not None:
        marks.append(f"reply to {message.reply_to_id}")
    first, *rest = message.text.split("\n")
    yield f"{indent}{message.id} {message.author.name}: {first} {marks or ''}".rstrip()
    for line in rest:
        yield f"{indent}    {line}"
    if message.buttons:
        yield f"{indent}    " + " ".join(f"[{button.label}]" for button in message.buttons)
