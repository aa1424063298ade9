"""When what waits here to go on is compared with what Athena knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from claude_task_client.worker.changes import Changes

# The event stream brings the same at once: this is for what it never brought.
REVIEW_SECONDS: Final = 600.0
# Within this a broken stream is made again, once Athena answers: what happened until then may never
# come by it.
STREAM_BACK_SECONDS: Final = 20.0


class Reviewing:
    """Reviews now and then, and sooner where events may have been missed."""

    def __init__(self, review: Callable[[], Awaitable[None]]) -> None:
        self._review = review
        self._missed = Changes()

    def soon(self) -> None:
        """The stream is broken: review now, and once more when it is likely to be there again."""
        self._missed.tell()
        asyncio.get_running_loop().call_later(STREAM_BACK_SECONDS, self._missed.tell)

    async def review_for_ever(self) -> None:
        """Once at the start, and then whenever it is time."""
        while True:
            seen = self._missed.count
            await self._review()
            await self._missed.within(REVIEW_SECONDS, since=seen)
