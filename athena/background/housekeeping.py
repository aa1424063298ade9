"""Small duties: who is online, which keys are used, what other processes wrote, what is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from athena.service.feed import Feed
from athena.service.instances import Instances
from athena.service.keys import Keys
from athena.service.sweeping import Sweeping


@dataclass(frozen=True, slots=True)
class PresenceDuty:
    """Instances that fall silent go offline."""

    instances: Instances
    name: str = "presence"
    every: timedelta = timedelta(seconds=10)

    async def run_once(self) -> None:
        """One look at everybody."""
        await self.instances.mark_silent()


@dataclass(frozen=True, slots=True)
class KeyUseDuty:
    """When keys were last used is written down apart from the requests."""

    keys: Keys
    name: str = "key use"
    every: timedelta = timedelta(seconds=20)

    async def run_once(self) -> None:
        """What was used since the last run."""
        await self.keys.note_uses()


@dataclass(frozen=True, slots=True)
class NewsDuty:
    """What `athena keys revoke` or `athena purge` wrote beside us is noticed within a second."""

    feed: Feed
    name: str = "news"
    every: timedelta = timedelta(seconds=1)

    async def run_once(self) -> None:
        """Look at the store's own mark of a foreign write."""
        await self.feed.notice_foreign_writes()


@dataclass(frozen=True, slots=True)
class RetentionDuty:
    """Old ends are removed in small batches; `span` None keeps everything.

    `sinks`: those that run; what they have not read yet is kept.
    """

    sweeping: Sweeping
    span: timedelta | None
    sinks: frozenset[str] = frozenset()
    name: str = "retention"
    every: timedelta = timedelta(minutes=10)

    async def run_once(self) -> None:
        """All that is too old now."""
        await self.sweeping.forget_answers()
        if self.span is not None:
            await self.sweeping.retain(self.span, sinks=self.sinks)
        await self.sweeping.tidy()
