"""What was found of one queue, over all its rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bench.peers.contenders import Contender
from bench.peers.contract import Promise
from bench.peers.kills import Survival
from bench.peers.rounds import Round
from bench.report import percentile

# How much longer a slow disk takes to sync.
SLOWER_MS: Final = 2.0


@dataclass(slots=True)
class Found:
    """Rounds of one kind."""

    rounds: list[Round] = field(default_factory=list)

    def values(self, of: Callable[[Round], float]) -> list[float]:
        return [of(round_) for round_ in self.rounds]

    def median(self, of: Callable[[Round], float]) -> float:
        return statistics.median(self.values(of))

    @property
    def rate(self) -> float:
        return self.median(lambda r: r.run)

    def wakeup(self, part: float) -> float | None:
        """Milliseconds, of all rounds together; None where no worker was ever idle."""
        took = [each for round_ in self.rounds for each in round_.wakeup_ms]
        return percentile(took, part) if took else None

    @property
    def remark(self) -> str:
        """Tasks that were run twice, or never in the time that they had."""
        left, twice = (max(self.values(of)) for of in (lambda r: r.unfinished, lambda r: r.twice))
        said = [f"{left:.0f} not run" if left else "", f"{twice:.0f} run twice" if twice else ""]
        return "".join(f", {each}" for each in said if each)


@dataclass(slots=True)
class Measured:
    """One queue. `failed` says why it was not measured, or not to the end."""

    name: str
    contender: Contender | None = None
    failed: str = ""
    fast: Found = field(default_factory=Found)
    slow: Found = field(default_factory=Found)
    survival: Survival | None = None

    @property
    def title(self) -> str:
        return self.name if self.contender is None else self.contender.peer.title

    @property
    def shown(self) -> str:
        return f"**{self.title}**" if self.is_own else self.title

    @property
    def is_own(self) -> bool:
        return self.contender is not None and self.contender.is_own

    @property
    def is_weaker(self) -> bool:
        """Whether it promises less than the others."""
        return self.contender is not None and self.contender.peer.promise is not Promise.SAME
