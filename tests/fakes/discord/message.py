"""A message as people see it: its text, its buttons and menus, whom it pinged, how often edited."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntFlag
from typing import TYPE_CHECKING

from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.people import Role, User

if TYPE_CHECKING:
    from tests.fakes.discord.channel import Channel


class Flag(IntFlag):
    """Message flags that a bot can meet."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


class MessageType:
    DEFAULT = 0
    REPLY = 19
    COMMAND = 20
    THREAD_STARTER = 21
    MENU_COMMAND = 23


@dataclass(eq=False)
class Attachment:
    """A file; `url` leads to the stand-in itself, as Discord's leads to its CDN."""

    id: int
    filename: str
    content: bytes
    content_type: str
    url: str
    description: str | None = None


@dataclass(frozen=True)
class Pings:
    """Whom a message notifies, after Discord's allowed_mentions and rights are applied."""

    users: frozenset[User] = frozenset()
    roles: frozenset[Role] = frozenset()
    everyone: bool = False
    notified: frozenset[User] = frozenset()
    silent: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)

    def __str__(self) -> str:
        names = [f"@{user.name}" for user in self.users] + [f"@&{role.name}" for role in self.roles]
        return " ".join([*sorted(names), *(["@everyone"] if self.everyone else [])]) or "nobody"


@dataclass(frozen=True)
class Control:
    """A button or a select menu on a message."""

    type: int
    custom_id: str | None
    label: str
    disabled: bool
    raw: Json

    @property
    def is_button(self) -> bool:
        return self.type == 2

    @property
    def options(self) -> list[Json]:
        return list(self.raw.get("options", []))


@dataclass(eq=False)
class Message:
    """One message; `contents` keeps what it said before each edit, oldest first."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    type: int = MessageType.DEFAULT
    tts: bool = False
    nonce: str | int | None = None
    reply_to: Message | None = None
    reply_to_id: int | None = None
    interaction: Json | None = None
    webhook_id: int | None = None
    seen_only_by: User | None = None
    thread: Channel | None = None
    pings: Pings = field(default_factory=Pings)
    reactions: dict[str, list[User]] = field(default_factory=dict)
    edited_at: datetime | None = None
    versions: list[str] = field(default_factory=list)
    pinned: bool = False
    deleted: bool = False

    @property
    def edits(self) -> int:
        """How often it was edited (a deferred answer's first text is no edit)."""
        return len(self.versions)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & Flag.EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether people see "thinking…" and nothing else yet."""
        return bool(self.flags & Flag.LOADING)

    @property
    def system(self) -> bool:
        return self.type == MessageType.THREAD_STARTER

    @property
    def text(self) -> str:
        """All words that a person reads on it: content, embeds, text components, file names."""
        parts = [self.content, *(line for embed in self.embeds for line in embed_lines(embed))]
        parts += [str(c["content"]) for c in walk(self.components) if c.get("type") == 10]
        parts += [f"[file {attachment.filename}]" for attachment in self.attachments]
        return "\n".join(part for part in parts if part)

    @property
    def controls(self) -> list[Control]:
        found = [c for c in walk(self.components) if c.get("type") in (2, 3, 5, 6, 7, 8)]
        return [
            Control(
                c["type"],
                c.get("custom_id"),
                _label(c),
                bool(c.get("disabled")),
                c,
            )
            for c in found
        ]

    @property
    def buttons(self) -> list[Control]:
        return [control for control in self.controls if control.is_button]

    def control(self, wanted: str) -> Control:
        """The button or menu of this custom_id, label or placeholder (or the one containing it).

        Raises LookupError: none, or more than one.
        """
        for matches in (
            [c for c in self.controls if c.custom_id == wanted],
            [c for c in self.controls if c.label == wanted],
            [c for c in self.controls if wanted.casefold() in c.label.casefold()],
        ):
            if len(matches) == 1:
                return matches[0]
        there = [f"{c.label!r} ({c.custom_id})" for c in self.controls]
        raise LookupError(f"no single control {wanted!r} on message {self.id}; it has {there}")

    def touch(self, before: str) -> None:
        """Note an edit, and what it said before."""
        self.versions.append(before)
        self.edited_at = datetime.now(tz=UTC)

    def __repr__(self) -> str:
        return f"<Message {self.id} in {self.channel.name} by {self.author.name}: {self.text!r}>"


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component of a tree, parents before children."""
    for component in components:
        if not isinstance(component, dict):
            continue
        yield component
        yield from walk(component.get("components") or [])
        for single in ("accessory", "component"):
            if isinstance(component.get(single), dict):
                yield from walk([component[single]])


def numbered(components: list[Json]) -> list[Json]:
    """Components as Discord keeps them: those without an id of their own get one, from 1 on."""
    kept = copy.deepcopy(components)
    taken = {component["id"] for component in walk(kept) if component.get("id")}
    free = (number for number in itertools.count(1) if number not in taken)
    for component in walk(kept):
        if not component.get("id"):
            component["id"] = next(free)
    return kept


def embed_lines(embed: Json) -> Iterator[str]:
    """The words of an embed, in the order in which Discord counts and people read them."""
    yield str((embed.get("author") or {}).get("name") or "")
    yield str(embed.get("title") or "")
    yield str(embed.get("description") or "")
    for each in embed.get("fields") or []:
        yield str(each.get("name") or "")
        yield str(each.get("value") or "")
    yield str((embed.get("footer") or {}).get("text") or "")


def _label(component: Json) -> str:
    emoji = (component.get("emoji") or {}).get("name") or ""
    words = component.get("label") or component.get("placeholder") or ""
    return str(words or emoji)
