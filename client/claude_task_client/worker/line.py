"""The line to Athena: whether she answers, and asking again until she does."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from claude_task_client.advice import advice
from claude_task_client.errors import Denied, Refused, TooMany, Unavailable, Unreachable
from claude_task_client.worker.changes import Changes

FIRST_PAUSE_SECONDS: Final = 0.25
PAUSE_SECONDS_MAX: Final = 15.0
# A key that is refused is put right by a person.
DENIED_PAUSE_SECONDS: Final = 30.0
RETRY_AFTER_SECONDS_MAX: Final = 30.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class Line:
    """What is known of the way to Athena. `changes` is told when it breaks and when it holds."""

    def __init__(
        self,
        changes: Changes,
        *,
        now: Callable[[], datetime],
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.away_since: datetime | None = None
        self.why_away: str | None = None
        self.is_refused = False
        self.advice = ""
        self._changes = changes
        self._back = Changes()
        self._now = now
        self._dice = dice

    @property
    def is_away(self) -> bool:
        """Whether the last word to Athena had no answer, or a no to all that this worker is."""
        return self.away_since is not None

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until Athena has answered; as soon as she is back for one, all others ask again.

        Raises: Refused, where she says no to this very question.
        """
        tries = 0
        while True:
            try:
                answer = await ask()
            except (Unreachable, Refused) as error:
                if not is_passing(error):
                    self.note_answer()
                    raise
                self.note_trouble(error)
                await self._back.within(self.pause_after(error, tries))
                tries += 1
            else:
                self.note_answer()
                return answer

    def note_answer(self) -> None:
        """Athena has answered."""
        if self.is_away:
            log.info("Athena is back.")
            self.away_since, self.why_away, self.is_refused = None, None, False
            self.ask_again()
            self._changes.tell()

    def note_trouble(self, error: Unreachable | Refused) -> None:
        """Athena has not answered, or not to the point."""
        if isinstance(error, TooMany):
            return  # she is there, and has too much to do
        why = str(error)
        if self.why_away != why:
            log.warning("%s Trying again. %s", why, advice(error) or "")
        is_news = not self.is_away
        self.away_since = self.away_since or self._now()
        self.why_away, self.is_refused = why, isinstance(error, Denied)
        self.advice = advice(error) or ""
        if is_news:
            self._changes.tell()

    def ask_again(self) -> None:
        """Have whoever waits for the next try do it now."""
        self._back.tell()

    def pause_after(self, error: Exception, tries: int) -> float:
        """How long to wait before the next try, in seconds."""
        if isinstance(error, TooMany | Unavailable) and error.retry_after_seconds is not None:
            return min(error.retry_after_seconds, RETRY_AFTER_SECONDS_MAX)
        if isinstance(error, Denied):
            return DENIED_PAUSE_SECONDS
        # Not all workers at once, when Athena has started again.
        span: float = min(FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 10), PAUSE_SECONDS_MAX)
        return span * (0.5 + self._dice() / 2)


def is_passing(error: Unreachable | Refused) -> bool:
    """Whether the same question may have another answer later.

    A key that is unknown concerns all questions, one that lacks a scope only some.
    """
    if isinstance(error, Refused):
        return isinstance(error, TooMany | Unavailable) or error.status in {401, 500}
    return True
