"""Watching sources: each on its own, with one stream of Athena's events for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import Denied
from claude_task_client.sources.desk import Desk, Timing
from claude_task_client.sources.registry import Polling, Source
from claude_task_client.sources.settling import NEWS
from claude_task_client.sources.source_watch import OnTrouble, SourceWatch

# A stream that may not be read now, such as for want of a scope, may be allowed later.
DENIED_SECONDS: Final = 600.0
RESTART_SECONDS: Final = 5.0
# By then a stream that can be had is there, and what came before it is to be looked for.
SETTLED_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


async def watch(
    sources: Sequence[Source],
    athena: AsyncAthena,
    *,
    poll: bool,
    once: bool,
    tell: Callable[[str], None],
    pid: int | None = None,
    timing: Timing | None = None,
    on_trouble: OnTrouble = lambda _, __: None,
) -> None:
    """Turn documents into tasks, and what comes of them into files, until cancelled.

    With `once`, until all that is there now is taken in; only then trouble is raised. `pid` is the
    process that works under this instance's name, for the locks. Others may watch the same.
    """
    desks = [
        Desk(
            source,
            athena,
            tell=tell,
            timing=timing or Timing(),
            pid=pid,
            sources=sources,
            polls=poll or source.polling is Polling.FORCED,
        )
        for source in sources
    ]
    watches = [SourceWatch(desk, on_trouble=on_trouble) for desk in desks]
    if once:
        await _once(watches)
        return
    stream = _Stream(athena, watches)
    async with asyncio.TaskGroup() as group:
        group.create_task(stream.follow_for_ever())
        for each in watches:
            group.create_task(each.run(on_lost_store=stream.begin_anew))


async def _once(watches: Sequence[SourceWatch]) -> None:
    """All of them, whichever fail; then the first failure counts."""
    outcomes = await asyncio.gather(*(each.run_once() for each in watches), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


class _Stream:
    """Athena's events, for all watchers at once."""

    def __init__(self, athena: AsyncAthena, watches: Sequence[SourceWatch]) -> None:
        self._athena = athena
        self._watches = watches
        self._after: int | None = None
        self._running: asyncio.Task[None] | None = None

    async def follow_for_ever(self) -> None:
        """Pass events on. Whatever may have been missed is looked for."""
        while True:
            self._running = asyncio.create_task(self._follow())
            try:
                await asyncio.wait({self._running}, timeout=SETTLED_SECONDS)
                self._look_all()
                await asyncio.wait({self._running})
            finally:
                self._running.cancel()
            error = None if self._running.cancelled() else self._running.exception()
            if error is not None:
                log.info("The event stream ended: %s", error)
                await asyncio.sleep(
                    DENIED_SECONDS if isinstance(error, Denied) else RESTART_SECONDS
                )

    def begin_anew(self) -> None:
        """Athena's log is another one now: its numbers begin anew."""
        self._after = None
        if self._running is not None:
            self._running.cancel()

    async def _follow(self) -> None:
        events = self._athena.events(after=self._after, kind=",".join(NEWS))
        async with contextlib.aclosing(events):
            async for event in events:
                self._after = event.id or self._after
                for each in self._watches:
                    each.hear(event)

    def _look_all(self) -> None:
        for each in self._watches:
            each.look_soon()
