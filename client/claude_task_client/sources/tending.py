"""Watching the sources of the registry as they come and go, for as long as somebody wants it.

Nothing that goes wrong here is raised: it is noted, and tried again. A worker goes on with its
tasks whatever becomes of its sources.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError
from claude_task_client.sources import presence, registry
from claude_task_client.sources.registry import Source

# How soon a source that was added or removed is noticed: it costs one look at a file's date.
LOOK_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tended:
    """What is watched now. `trouble` is what keeps all of it from being watched, None: nothing;
    `troubles` is what keeps single sources from it, by their ids.
    """

    sources: Sequence[Source] = ()
    trouble: str | None = None
    troubles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How it is done.

    - `picks`: which sources of the registry
    - `kind`: what people are told is watching
    - `is_polling`: all are looked into regularly, whatever the registry says of each
    - `pid`: the process that works on tasks under this instance's name, for the locks
    - `tell`: hears what happens, in sentences; `note` what is watched, whenever that changes
    - `look_seconds`: how often the registry is looked at; `retry_seconds`: after a mistake
    """

    picks: Callable[[Source], bool]
    kind: str
    is_polling: bool = False
    pid: int | None = None
    tell: Callable[[str], None]
    note: Callable[[Tended], None] = lambda _: None
    look_seconds: float = LOOK_SECONDS
    retry_seconds: float = RETRY_SECONDS


async def tend(athena: AsyncAthena, manner: Manner) -> None:
    """Watch until cancelled."""
    tending = _Tending(athena, manner)
    while True:
        try:
            await tending.run_once()
        except Exception as error:
            log.exception("the watching of sources broke")
            tending.note(Tended(trouble=f"a mistake of the watcher's: {error!r}"))
            await asyncio.sleep(manner.retry_seconds)


class _Tending:
    """From one change of the registry to the next."""

    def __init__(self, athena: AsyncAthena, manner: Manner) -> None:
        self._athena = athena
        self._manner = manner
        self._noted = Tended()

    def note(self, now: Tended) -> None:
        """Have it known, if it is news."""
        before, self._noted = self._noted, now
        if now == before:
            return
        self._manner.note(now)
        if now.trouble is not None and now.trouble != before.trouble:
            self._manner.tell(f"No source is watched for now: {now.trouble}")
        elif now.sources != before.sources:
            names = ", ".join(source.id for source in now.sources)
            self._manner.tell(f"Watching {names}." if names else "Watching nothing.")

    async def run_once(self) -> None:
        """Watch what there is to be watched until that is something else, or breaks."""
        stamp = _stamp()
        now = _chosen(self._manner)
        self.note(now)
        if not now.sources:
            await self._until_changed(stamp)
        else:
            await self._watch(now.sources, stamp)

    async def _watch(self, sources: Sequence[Source], stamp: object) -> None:
        """Watch these until the registry changes. What goes wrong with one is its own."""
        # Where there is no source, what reads documents is never loaded.
        from claude_task_client.sources import watching

        manner = self._manner
        async with presence.announced(sources, kind=manner.kind):
            watcher = asyncio.create_task(
                watching.watch(
                    sources,
                    self._athena,
                    poll=manner.is_polling,
                    once=False,
                    tell=manner.tell,
                    pid=manner.pid,
                    on_trouble=self._note_trouble,
                )
            )
            change = asyncio.create_task(self._until_changed(stamp))
            try:
                await asyncio.wait({watcher, change}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                watcher.cancel()
                change.cancel()
                await asyncio.wait({watcher, change})
        if not watcher.cancelled():
            watcher.result()
            raise RuntimeError("it ended by itself")

    async def _until_changed(self, stamp: object) -> None:
        """Return once the registry is another than it was."""
        while _stamp() == stamp:  # noqa: ASYNC110  another process changes it
            await asyncio.sleep(self._manner.look_seconds)

    def _note_trouble(self, source: Source, trouble: str | None) -> None:
        others = {name: why for name, why in self._noted.troubles.items() if name != source.id}
        troubles = others if trouble is None else {**others, source.id: trouble}
        self.note(replace(self._noted, troubles=troubles))


def _chosen(manner: Manner) -> Tended:
    try:
        return Tended(sources=[each for each in registry.load() if manner.picks(each)])
    except AthenaError as error:
        return Tended(trouble=str(error))


def _stamp() -> object:
    """What is another once somebody has written the registry: it is replaced whole."""
    try:
        told = registry.registry_path().stat()
    except OSError:
        return None
    return (told.st_ino, told.st_mtime_ns, told.st_size)
