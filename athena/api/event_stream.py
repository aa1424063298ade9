"""The event log as a stream: as it grows, from wherever its listener left off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from athena.api.reply import json_bytes
from athena.api.streams import COMMENT, Frames
from athena.api.wire.events import event_json
from athena.model.event import ActorKind, Event
from athena.service.feed import Feed

_BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; a field that is None does not restrict.

    `instance` is the one that the event is about or that caused it; `actor` a name, or `kind:name`.
    """

    task: int | None = None
    types: frozenset[str] | None = None
    instance: str | None = None
    actor: str | None = None

    def wants(self, event: Event) -> bool:
        """Whether the event is one of them."""
        return (
            (self.task is None or event.task_id == self.task)
            and (self.types is None or event.type in self.types)
            and (self.instance is None or self.instance in _instances_of(event))
            and (self.actor is None or self.actor in _names_of(event))
        )


def _instances_of(event: Event) -> tuple[object, str | None]:
    by = event.actor.name if event.actor.kind is ActorKind.INSTANCE else None
    return event.data.get("instance"), by


def _names_of(event: Event) -> tuple[str, str]:
    return event.actor.name, f"{event.actor.kind.value}:{event.actor.name}"


class EventSource:
    """Those events that are wanted, after a position; None: from now on.

    One that is not kept any more starts with a `reset`.
    """

    def __init__(self, feed: Feed, wanted: EventFilter, *, after: int | None) -> None:
        self._feed = feed
        self._wanted = wanted
        self._after = after
        self._position = 0

    async def begin(self) -> bytes:
        """See `Source`."""
        self._position, is_reset = await self._start(self._after)
        return _reset_frame(self._position) if is_reset else COMMENT

    async def more(self, wait: timedelta) -> Frames:
        """See `Source`."""
        events = await self._feed.read(self._position, limit=_BATCH)
        if events:
            self._position = events[-1].id
        else:
            await self._feed.wait(self._position, timeout=wait)
        return Frames(b"".join(_frame(event) for event in events if self._wanted.wants(event)))

    async def _start(self, after: int | None) -> tuple[int, bool]:
        """Where to begin, and whether the listener has missed something for good."""
        if after is None:
            return self._feed.position, False
        if after > self._feed.position:
            # Another replica may have told of it before this one has heard of it.
            await self._feed.catch_up()
        newest = self._feed.position
        oldest = await self._feed.first_kept()
        if after > newest:
            # From another life of the store: what it counts is not what is counted here.
            return newest, True
        if oldest > after + 1:
            return oldest - 1, True
        return after, False


def _frame(event: Event) -> bytes:
    head = f"id: {event.id}\nevent: {event.type}\ndata: "
    return head.encode() + json_bytes(event_json(event)) + b"\n\n"


def _reset_frame(position: int) -> bytes:
    """What comes after is all that is left: read the rest anew."""
    data = json_bytes({"type": "reset", "after": position})
    return f"id: {position}\nevent: reset\ndata: ".encode() + data + b"\n\n"
