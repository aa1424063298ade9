"""How far each reader of the log that must not miss anything has come."""

from __future__ import annotations

from athena.model.event import EventId
from athena.store import events
from athena.store.base import Store


class SinkStates:
    """The cursors of the sinks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def cursor(self, sink: str) -> EventId | None:
        """The last event that the sink has dealt with; None where it has never begun."""
        return await self._store.read(lambda reading: events.cursor(reading, sink))

    async def move_cursor(self, sink: str, position: EventId) -> None:
        """Note the last event that the sink has dealt with."""
        await self._store.run(lambda tx: events.move_cursor(tx, sink, position), beside=True)
