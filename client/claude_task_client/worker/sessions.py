"""The Claude conversations of one worker: none is ever resumed twice at once.

Two runs that resume one conversation both succeed, and one branch of it is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class HeldSessions:
    """Locks by session id. One `work` per state folder makes those of one process enough."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, session_id: str) -> AsyncIterator[None]:
        """Keep others out of the conversation for the length of the block; waits its turn."""
        lock = self._locks.get(session_id) or asyncio.Lock()
        self._locks[session_id] = lock
        async with lock:
            yield
