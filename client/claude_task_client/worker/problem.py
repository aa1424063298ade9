"""What can be wrong with a worker, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that keeps tasks from being done. `advice` is what to do, with the command.

    `project`: the one whose tasks it concerns; None: all.
    """

    code: str
    detail: str
    advice: str
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an examination has found. `projects`: those that it looked at."""

    problems: Sequence[Problem] = ()
    projects: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """Whether tasks may be claimed, of one project at least."""
        if not self.problems:
            return True
        is_of_one = all(problem.project is not None for problem in self.problems)
        return is_of_one and not self.sick_projects >= set(self.projects)

    @property
    def sick_projects(self) -> frozenset[str]:
        """Those whose tasks cannot be done, for reasons of their own."""
        return frozenset(each.project for each in self.problems if each.project is not None)

    @property
    def message(self) -> str | None:
        """The first problem in full, and how many there are besides; None: nothing is wrong."""
        if not self.problems:
            return None
        first, *others = self.problems
        more = f"\n{len(others)} more: claude-task-client work status" if others else ""
        return f"{first.detail}\n{first.advice}{more}"
