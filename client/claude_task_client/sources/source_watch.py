"""The watcher of one source: looks when something happened, and now and then in any case.

Whatever goes wrong here is told, and tried again: it never reaches those of other sources.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from watchfiles import awatch

from claude_task_client.errors import AthenaError
from claude_task_client.sources.desk import Desk
from claude_task_client.sources.intake import Intake
from claude_task_client.sources.registry import Source
from claude_task_client.sources.settling import Settling
from claude_task_client.sources.storing import Busy
from claude_task_client.wire import Event

# Changes come in swarms, mostly of our own making: at most so many looks a second.
LOOKS_APART_SECONDS: Final = 0.2
BUSY_SECONDS: Final = 0.05
DEBOUNCE_MILLISECONDS: Final = 200
# A watch wakes up this often to see whether it is to end: with 50 ms, four sources took four times
# the CPU of the rest of an idle worker.
STEP_MILLISECONDS: Final = 250
POLL_MILLISECONDS: Final = 1_000

# Told what keeps a source from being watched, and None once it is watched again.
OnTrouble = Callable[[Source, str | None], None]

log = logging.getLogger(__name__)


class SourceWatch:
    """Watches one source."""

    def __init__(self, desk: Desk, *, on_trouble: OnTrouble) -> None:
        self._desk = desk
        self._on_trouble = on_trouble
        self._settling = Settling(desk)
        self._intake = Intake(desk, self._settling)
        self._clock = asyncio.get_running_loop().time
        self._woken = asyncio.Event()
        self._review_at = 0.0
        self._trouble: str | None = None
        self._failures = 0
        self._hints: asyncio.Task[None] | None = None
        self._watched: tuple[int, int] | None = None
        self._stop_hints = asyncio.Event()
        self._hints_again_at = 0.0

    def hear(self, event: Event) -> None:
        """Something happened at Athena."""
        if self._settling.hear(event):
            self._woken.set()

    def look_soon(self) -> None:
        """Something may have been missed."""
        self._settling.is_review_due = True
        self._woken.set()

    async def run(self, *, on_lost_store: Callable[[], None] = lambda: None) -> None:
        """Watch until cancelled. `on_lost_store` is told when Athena has begun anew."""
        self._settling.on_lost_store = on_lost_store
        try:
            while True:
                self._woken.clear()
                seconds = await self._round()
                self._watch_folder()
                await asyncio.sleep(min(seconds, LOOKS_APART_SECONDS))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._woken.wait()
        finally:
            await self._close()

    async def run_once(self) -> None:
        """Take in what is there, and what has happened since the last time."""
        try:
            while True:
                seconds = await self._round(is_strict=True)
                if seconds >= self._desk.timing.rescan:
                    return
                await asyncio.sleep(seconds)
        finally:
            await self._close()

    async def _round(self, *, is_strict: bool = False) -> float:
        """One look at everything; after how many seconds the next one is due."""
        try:
            seconds = await self._look()
        except Busy:
            return BUSY_SECONDS
        except (AthenaError, OSError) as error:
            if is_strict:
                raise
            if isinstance(error, OSError):
                self._intake.lose_sight()
            return self._troubled(_in_words(error))
        except Exception as error:
            if is_strict:
                raise
            log.exception("The watcher of %s failed", self._desk.source.id)
            return self._troubled(f"this is a mistake of the watcher's: {error!r}")
        if self._trouble is not None:
            self._desk.say("All is well again.")
            self._on_trouble(self._desk.source, None)
        self._trouble, self._failures = None, 0
        return seconds

    async def _look(self) -> float:
        timing = self._desk.timing
        if self._settling.is_review_due or self._clock() >= self._review_at:
            await self._settling.review()
            self._review_at = self._clock() + timing.review
        await self._settling.handle_news()
        soon = await self._intake.look()
        await self._settling.handle_news()
        return timing.rescan if soon is None else min(soon, timing.rescan)

    def _troubled(self, why: str) -> float:
        if why != self._trouble:
            self._desk.say(f"{why} Trying again; nothing is lost.")
            self._on_trouble(self._desk.source, why)
        self._trouble = why
        # What was in hand when it went wrong is seen by comparing all of it again.
        self._settling.is_review_due = True
        seconds = self._desk.timing.retry * 2.0 ** min(self._failures, 10)
        self._failures += 1
        return min(seconds, self._desk.timing.retry_max)

    # --- hints

    def _watch_folder(self) -> None:
        """Have changes told, of the folder that is there now: after a mount it is another one."""
        is_same = self._watched == self._intake.pending
        is_alive = self._hints is not None and not self._hints.done()
        # Where no watch can be had, there is none to be had in the next moment either.
        is_early = self._clock() < self._hints_again_at
        if self._intake.pending is None or (is_same and (is_alive or is_early)):
            return
        self._hints_again_at = self._clock() + self._desk.timing.rescan
        self._stop_hints.set()
        self._stop_hints = asyncio.Event()
        self._watched = self._intake.pending
        self._hints = asyncio.create_task(self._hint_for_ever(self._stop_hints))
        self._woken.set()  # for what came before it began

    async def _hint_for_ever(self, stop: asyncio.Event) -> None:
        changes = awatch(
            self._desk.layout.pending,
            watch_filter=lambda _, path: path.endswith(".md"),
            debounce=DEBOUNCE_MILLISECONDS,
            step=STEP_MILLISECONDS,
            stop_event=stop,
            recursive=False,
            force_polling=self._desk.is_polled,
            poll_delay_ms=POLL_MILLISECONDS,
        )
        try:
            async for _ in changes:
                self._woken.set()
        except (OSError, RuntimeError) as error:
            # Out of watches, or no such folder: the regular look sees everything, a little later.
            log.info("No events of %s: %s", self._desk.layout.pending, error)

    async def _close(self) -> None:
        self._stop_hints.set()
        if self._hints is not None:
            await asyncio.wait({self._hints}, timeout=1)
            self._hints.cancel()
        self._desk.close()


def _in_words(error: Exception) -> str:
    """What the system refuses, as a person says it: without the number, in a sentence."""
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}."
    return str(error)
