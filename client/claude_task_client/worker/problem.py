"""What can be wrong with a worker, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that keeps tasks from being done. `advice` is what to do, with the command."""

    code: str
    detail: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an examination has found."""

    problems: Sequence[Problem] = ()

    @property
    def ok(self) -> bool:
        """Whether tasks may be claimed."""
        return not self.problems

    @property
    def message(self) -> str | None:
        """The first problem in full, and how many there are besides; None: nothing is wrong."""
        if not self.problems:
            return None
        first, *others = self.problems
        more = f"\n{len(others)} more: claude-task-client work status" if others else ""
        return f"{first.detail}\n{first.advice}{more}"
